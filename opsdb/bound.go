package opsdb

// TarBound is an upper estimate of the size of a package's tar: content padded
// to blocks, headers with extended ones for long names and times, and two
// manifest lines a member.
func TarBound(files int, bytes int64) int64 {
	const perFile, tagFiles = 512 + 2048 + 512 + 640, 64 << 10
	return bytes + int64(files)*perFile + tagFiles
}
