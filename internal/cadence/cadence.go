// Package cadence checks the periods that hooks and timers are given: so many
// steps, or so much time. All of them do it with the same words.
package cadence

import (
	"errors"
	"fmt"
	"time"
)

// Off, as a number of steps or a period, means never.
const Off = -1

// Check reports an error unless exactly one of steps and period is positive and
// the other 0. The names are those of the fields or parameters that they came
// from.
func Check(stepsName string, steps int64, periodName string, period time.Duration) error {
	err := positive(stepsName, steps, periodName, period, "")
	switch {
	case err != nil:
		return err
	case steps == 0 && period == 0:
		return fmt.Errorf("neither %s nor %s is set, want exactly one", stepsName, periodName)
	case steps != 0 && period != 0:
		return both(stepsName, steps, periodName, period, "exactly one")
	}
	return nil
}

// A Period is so many steps or so much time. The zero Period is never.
type Period struct {
	Steps int64
	Secs  time.Duration
}

// IsOn reports whether p ever ends.
func (p Period) IsOn() bool { return p.Steps > 0 || p.Secs > 0 }

// Or returns the period that steps and period say, of which one at most is
// positive, and fallback if both are 0. Off for one, without the other, is never.
func Or(stepsName string, steps int64, periodName string, period time.Duration, fallback Period) (Period, error) {
	if steps == 0 && period == 0 {
		return fallback, nil
	}
	if steps == Off {
		steps = 0
	}
	if period == Off {
		period = 0
	}
	if err := positive(stepsName, steps, periodName, period, ", 0 or Off"); err != nil {
		return Period{}, err
	}
	if steps > 0 && period > 0 {
		return Period{}, both(stepsName, steps, periodName, period, "at most one")
	}
	return Period{steps, period}, nil
}

// positive reports an error for each of steps and period that is negative.
func positive(stepsName string, steps int64, periodName string, period time.Duration, orElse string) error {
	var errs []error
	if steps < 0 {
		errs = append(errs, fmt.Errorf("%s is %d, want a positive number of steps%s", stepsName, steps, orElse))
	}
	if period < 0 {
		errs = append(errs, fmt.Errorf("%s is %v, want a positive duration%s", periodName, period, orElse))
	}
	return errors.Join(errs...)
}

func both(stepsName string, steps int64, periodName string, period time.Duration, want string) error {
	return fmt.Errorf("both %s (%d) and %s (%v) are set, want %s", stepsName, steps, periodName, period, want)
}
