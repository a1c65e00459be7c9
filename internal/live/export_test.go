package live

// LastSeen is for the fuzz test.
var LastSeen = lastSeen
