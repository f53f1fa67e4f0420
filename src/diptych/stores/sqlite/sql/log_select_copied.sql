select source, position, head, finished, origins from copied
