package route

// block reads the lines of a literal or folded scalar. Line ends are taken from
// the wanted value, since folding depends on the lines around them.
func (r *reader) block(want []rune) {
	r.endOfLine()
	r.p++
	indent := -1
	for r.more() {
		lead := 0
		for r.s.rune(r.p+lead) == ' ' {
			lead++
		}
		switch c := r.s.rune(r.p + lead); {
		case c == '\n' && (indent < 0 || lead <= indent):
			r.lineEnds(want, r.p+lead)
			r.p += lead + 1
			continue
		case indent < 0:
			indent = lead - leadingSpaces(want[len(r.out):])
		}
		if lead < indent || indent < 0 {
			return
		}
		r.p += indent
		r.line(want)
		r.p++
	}
}

// line takes the rest of the line, then what its end stands for.
func (r *reader) line(want []rune) {
	for r.more() && r.s.rune(r.p) != '\n' {
		r.take()
	}
	r.lineEnds(want, r.p)
}

// lineEnds emits what one line end became in the value: a line end, a space, or nothing yet.
func (r *reader) lineEnds(want []rune, from int) {
	i := len(r.out)
	if i >= len(want) {
		return
	}
	if want[i] == '\n' || want[i] == ' ' && i > 0 && want[i-1] != '\n' {
		r.emit(want[i], from)
	}
}

func (r *reader) endOfLine() {
	for r.p < len(r.s.runes) && r.s.rune(r.p) != '\n' {
		r.p++
	}
}

func leadingSpaces(v []rune) int {
	n := 0
	for n < len(v) && v[n] == ' ' {
		n++
	}
	return n
}
