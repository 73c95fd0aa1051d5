package route

import "errors"

// ParseSize reads a size as it is written in routes: an integer and a unit, like "300MB".
func ParseSize(s string) (int64, error) {
	n, bad := sizes().parse(s)
	if bad != nil {
		return 0, errors.New(bad.text)
	}
	return n, nil
}
