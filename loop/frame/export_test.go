package frame

// Ends is what End does to a Handler that has no connection.
func (h *Handler) Ends() bool { return h.ends() }
