package bundle

// OpenWithin opens a tar that may unpack to some bytes and no more.
func OpenWithin(path string, most int64) (*Reader, error) { return unpacked("", path, most) }

// UnpackIn does so into a folder below parent.
func UnpackIn(parent, path string, most int64) (*Reader, error) { return unpacked(parent, path, most) }
