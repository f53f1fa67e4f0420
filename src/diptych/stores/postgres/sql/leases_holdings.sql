select projection, worker::text, epoch, code, (extract(epoch from since) * 1000000)::bigint as since
from diptych.owners
