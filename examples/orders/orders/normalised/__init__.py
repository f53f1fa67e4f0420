"""The normalised write model: state is rows of tables, and events are recorded in the transaction that changes them."""
