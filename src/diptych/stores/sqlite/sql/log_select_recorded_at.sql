select recorded_at from events where position = ?
