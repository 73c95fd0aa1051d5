package config

// nearest is the known name that was probably meant, or "".
func nearest(word string, known []string) string {
	best, least := "", min(2, len(word)/3) // letters
	for _, k := range known {
		if d := distance(word, k); d <= least && d < len(k) {
			best, least = k, d-1
		}
	}
	return best
}

// distance is how many letters must be changed, added or dropped.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
