package scenario

// Messages that come back over TLS.
var tls = Scenario{
	Name:    "tls",
	About:   "messages that come back, encrypted",
	Missing: "not available yet: the engine has no TLS",
}
