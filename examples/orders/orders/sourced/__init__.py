"""The event-sourced write model: state is what the events of the log fold to."""
