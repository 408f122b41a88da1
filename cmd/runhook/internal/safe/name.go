package safe

import (
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxElement is how long an element of a path may be; file systems take 255
// bytes, of which the caller may add some.
const maxElement = 160

// Path turns a name with slashes, of a tag or a run, into a relative path of
// slashes that lies below where it is joined to, on every file system. Letters
// and digits of every script, "-", "_" and "." stay; other bytes become %XX, and
// so do dots at either end and the first byte of what is reserved. Different
// names give different paths, but for capitals where those do not count.
func Path(name string, reserved func(element string) bool) string {
	elements := strings.Split(name, "/")
	for i, e := range elements {
		elements[i] = element(e, reserved)
	}
	return strings.Join(elements, "/")
}

// element is one element of a path. An empty one, as in "a//b", becomes "%".
func element(e string, reserved func(string) bool) string {
	if e == "" {
		return "%"
	}
	var b strings.Builder
	for i, size := 0, 0; i < len(e) && b.Len() <= maxElement; i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(e[i:])
		plain := unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.' && i > 0 && i < len(e)-1
		if plain && !(i == 0 && (device(e) || reserved(e))) {
			b.WriteRune(r)
			continue
		}
		for _, c := range []byte(e[i : i+size]) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if b.Len() <= maxElement {
		return b.String()
	}
	hash := fnv.New64a()
	hash.Write([]byte(e))
	head := strings.ToValidUTF8(b.String()[:maxElement-17], "")
	return fmt.Sprintf("%s%%%016x", head, hash.Sum64())
}

// device reports whether Windows takes the name for a device.
func device(e string) bool {
	base, _, _ := strings.Cut(strings.ToLower(e), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && base[3] >= '0' && base[3] <= '9'
}
