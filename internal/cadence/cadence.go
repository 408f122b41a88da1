// Package cadence checks the periods that hooks and timers are given: so many
// steps, or so much time. All of them do it with the same words.
package cadence

import (
	"errors"
	"fmt"
	"time"
)

// Check reports an error unless exactly one of steps and period is positive and
// the other 0. The names are those of the fields or parameters that they came
// from.
func Check(stepsName string, steps int64, periodName string, period time.Duration) error {
	var errs []error
	if steps < 0 {
		errs = append(errs, fmt.Errorf("%s is %d, want a positive number of steps", stepsName, steps))
	}
	if period < 0 {
		errs = append(errs, fmt.Errorf("%s is %v, want a positive duration", periodName, period))
	}
	switch {
	case errs != nil:
		return errors.Join(errs...)
	case steps == 0 && period == 0:
		return fmt.Errorf("neither %s nor %s is set, want exactly one", stepsName, periodName)
	case steps != 0 && period != 0:
		return fmt.Errorf("both %s (%d) and %s (%v) are set, want exactly one", stepsName, steps, periodName, period)
	}
	return nil
}
