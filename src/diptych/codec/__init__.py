"""Messages and events to canonical JSON and back, and the hashes that guard what is stored."""

from diptych.codec.events import EventCodec
from diptych.codec.hashes import content_hash, fingerprint, verify_content
from diptych.codec.messages import (
    NUL_MESSAGE,
    decode_message,
    decoder,
    encode,
    encode_answer,
    encode_message,
    encoded,
    event_encoder,
    message_decoder,
    refuse_nul,
    refuse_unsound,
)

__all__ = [
    "NUL_MESSAGE",
    "EventCodec",
    "content_hash",
    "decode_message",
    "decoder",
    "encode",
    "encode_answer",
    "encode_message",
    "encoded",
    "event_encoder",
    "fingerprint",
    "message_decoder",
    "refuse_nul",
    "refuse_unsound",
    "verify_content",
]
