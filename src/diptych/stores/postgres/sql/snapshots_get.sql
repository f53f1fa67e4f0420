select fold, tags, data from diptych.snapshots where key = any ($1::uuid[])
