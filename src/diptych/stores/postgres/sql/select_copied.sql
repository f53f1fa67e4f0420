select source, position, head, finished, origins from diptych.copied
