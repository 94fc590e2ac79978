package scenario

// Datagrams that come back.
var udp = Scenario{
	Name:    "udp",
	About:   "datagrams that come back, from the servers that have them",
	Missing: "not available yet: the load generator has no datagrams",
}
