//go:build servers

package s3

import (
	"os"
	"strconv"
)

// memoryBytes is how large the object of TestMemory is, if the environment says so.
func memoryBytes() int64 {
	n, err := strconv.ParseInt(os.Getenv("CDT_S3_BYTES"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
