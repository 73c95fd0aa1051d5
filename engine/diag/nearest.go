package diag

import "slices"

// Nearest returns the known word that is nearest to word by the number of
// letters to insert, delete, change or swap, or "" if none is near enough to be
// meant. Of equally near ones the first in the alphabet wins.
func Nearest(word string, known []string) string {
	const longest = 64
	if len(word) > longest {
		return ""
	}
	best, distance := "", min(len([]rune(word)), 1+max(1, len(word)/3)) // some letter is right
	for _, k := range slices.Sorted(slices.Values(known)) {
		if d := edits([]rune(word), []rune(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// DidYouMean is the hint with the nearest known word, or all known words if none is near.
func DidYouMean(word string, known []string) string {
	if n := Nearest(word, known); n != "" {
		return "did you mean " + n + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + join(slices.Sorted(slices.Values(known)))
}

func join(words []string) string {
	const most = 12
	s := ""
	for i, w := range words {
		if i == most {
			return s + ", …"
		}
		if i > 0 {
			s += ", "
		}
		s += w
	}
	return s
}

// edits is the Damerau–Levenshtein distance (neighbours swapped count one).
func edits(a, b []rune) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i+2)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
