package cli

import (
	"fmt"
	"regexp"
	"strings"
)

// A pattern tells which names are meant; see rootLong.
type pattern struct {
	exclude bool
	regexp  *regexp.Regexp
}

func parsePattern(text string) (pattern, error) {
	rest, exclude := strings.CutPrefix(text, "!")
	if expression, ok := strings.CutPrefix(rest, "re:"); ok {
		re, err := regexp.Compile(expression)
		if err != nil {
			return pattern{}, fmt.Errorf("pattern %q: %w", text, err)
		}
		return pattern{exclude, re}, nil
	}
	var expression strings.Builder
	quoted := false
	for _, r := range rest {
		switch {
		case quoted:
			expression.WriteString(regexp.QuoteMeta(string(r)))
			quoted = false
		case r == '\\':
			quoted = true
		case r == '*':
			expression.WriteString(".*")
		case r == '?':
			expression.WriteString(".")
		default:
			expression.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	if quoted {
		return pattern{}, fmt.Errorf(`pattern %q ends with \`, text)
	}
	re, err := regexp.Compile(`(?s)\A` + expression.String() + `\z`)
	if err != nil {
		return pattern{}, fmt.Errorf("pattern %q: %w", text, err)
	}
	return pattern{exclude, re}, nil
}

// matcher returns whether a name is chosen by the patterns; nil if every name is.
func matcher(texts []string) (func(string) bool, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	var include, exclude []*regexp.Regexp
	for _, text := range texts {
		p, err := parsePattern(text)
		switch {
		case err != nil:
			return nil, err
		case p.exclude:
			exclude = append(exclude, p.regexp)
		default:
			include = append(include, p.regexp)
		}
	}
	return func(name string) bool {
		return (include == nil || matchesAny(include, name)) && !matchesAny(exclude, name)
	}, nil
}

func matchesAny(expressions []*regexp.Regexp, name string) bool {
	for _, re := range expressions {
		if re.MatchString(name) {
			return true
		}
	}
	return false
}
