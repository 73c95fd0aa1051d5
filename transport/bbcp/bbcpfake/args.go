package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// letters are the options: a colon follows one with a value, a point one whose value may be left out.
const letters = "a.B:b:C:c.d:DeE:fFhi:I:kKl:L:m:nN:oOpP:q:rR.s:S:t:T:u:U:vVw:W:x:y:zZ:4.$#"

// options is a command line, read.
type options struct {
	set              map[byte]string // what was given, by letter
	files            []spec          // sources, and last the target
	version, help    bool
	mischief, secret string
}

// spec is [user@][host:]path.
type spec struct{ user, host, path string }

func (o options) has(letter byte) bool { _, ok := o.set[letter]; return ok }

func (o options) number(letter byte, otherwise int64) int64 {
	n, err := size(o.set[letter])
	if err != nil {
		return otherwise
	}
	return n
}

// size reads a number with K, M or G of 1024.
func size(text string) (int64, error) {
	factor := int64(1)
	if i := strings.IndexByte("KMG", (text + " ")[max(0, len(text)-1)]&^0x20); text != "" && i >= 0 {
		factor, text = 1<<(10*(i+1)), text[:len(text)-1]
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(text, "="), 10, 64)
	if n *= factor; n > 1<<30 {
		return 0, errors.New("too much")
	}
	return n, err
}

func parse(args []string) (options, error) {
	o := options{set: map[byte]string{}}
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		var err error
		if args, err = o.option(word, args); err != nil {
			return o, err
		}
	}
	for _, arg := range args {
		for line := range strings.SplitSeq(arg, "\n") { // a newline splits
			o.files = append(o.files, parseSpec(line))
		}
	}
	o.version, o.help = o.has('#'), o.has('h')
	return o, nil
}

// option reads one option and its value from what follows.
func (o options) option(word string, rest []string) ([]string, error) {
	if word == "--version" {
		word = "-#"
	}
	if len(word) < 2 {
		return rest, errors.New("Option letter missing after '-'.")
	}
	i := strings.IndexByte(letters, word[1])
	if i < 0 || letters[i] == ':' || letters[i] == '.' {
		return rest, fmt.Errorf("Invalid option, '-%c'.", word[1])
	}
	value := ""
	if i+1 < len(letters) && (letters[i+1] == ':' || letters[i+1] == '.') {
		switch {
		case len(rest) > 0 && !strings.HasPrefix(rest[0], "-"):
			value, rest = rest[0], rest[1:]
		case letters[i+1] == ':':
			return rest, fmt.Errorf("Value not specified for '-%c'.", word[1])
		}
	}
	o.set[word[1]] = value
	return rest, nil
}

// parseSpec takes what stands before the first slash apart.
func parseSpec(text string) spec {
	var s spec
	head, tail := text, ""
	if i := strings.IndexByte(text, '/'); i >= 0 {
		head, tail = text[:i], text[i:]
	}
	if user, rest, ok := strings.Cut(head, "@"); ok {
		s.user, head = user, rest
	}
	if host, rest, ok := strings.Cut(head, ":"); ok {
		s.host, head = host, rest
	}
	s.path = head + tail
	return s
}

// complete reads the list of sources and looks for what does not go together.
func (o *options) complete(told io.Writer) int {
	if list, ok := o.set['I']; ok {
		b, err := os.ReadFile(list)
		if err != nil {
			say(told, "%s opening %s", words(err), list)
			return 2
		}
		var more []spec
		for line := range strings.Lines(string(b)) {
			more = append(more, parseSpec(strings.TrimSuffix(line, "\n")))
		}
		o.files = append(more, o.files...)
	}
	for letter, least := range map[byte]int64{'s': 1, 'w': 8192, 'x': 1024, 'P': 1, 'B': 1024} {
		if n := o.number(letter, -1); o.has(letter) && n < least {
			say(told, "Invalid value of -%c - %s", letter, o.set[letter])
			return 1
		}
	}
	switch {
	case o.has('a') && strings.Contains(o.set['E'], "="):
		say(told, "-a and -E ...= are mutually exclusive.")
		return 1
	case o.has('N') && len(o.files) > 2:
		say(told, "Only one source allowed with '-N %s'.", o.set['N'])
		return 3
	case len(o.files) < 2:
		say(told, "Copy target not specified.")
		return 1
	}
	return 0
}
