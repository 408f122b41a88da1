// Package faults gathers what is wrong with a config.
package faults

import (
	"errors"
	"fmt"
	"reflect"
)

// Join returns all faults that are not nil as one error, each with the name of
// the config in front, or nil if there is none. A fault that is made of several
// by errors.Join counts as those.
func Join(config string, faults ...error) error {
	var named []error
	for _, fault := range faults {
		if fault == nil {
			continue
		}
		if joined, ok := fault.(interface{ Unwrap() []error }); ok {
			named = append(named, Join(config, joined.Unwrap()...))
			continue
		}
		named = append(named, fmt.Errorf("%s: %w", config, fault))
	}
	return errors.Join(named...)
}

// IsNil reports whether v, of an interface type, is nil or holds a nil pointer.
func IsNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}
