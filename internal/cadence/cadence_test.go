package cadence_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/cadence"
)

func TestExactlyOnePeriodIsSet(t *testing.T) {
	for _, c := range []struct {
		name   string
		steps  int64
		period time.Duration
		want   string // "" for no error
	}{
		{"steps", 1, 0, ""},
		{"many steps", math.MaxInt64, 0, ""},
		{"a period", 0, time.Nanosecond, ""},
		{"a long period", 0, math.MaxInt64, ""},
		{"neither", 0, 0, "neither SaveSteps nor SaveSecs is set, want exactly one"},
		{"both", 8, time.Minute, "both SaveSteps (8) and SaveSecs (1m0s) are set, want exactly one"},
		{"negative steps", -1, 0, "SaveSteps is -1, want a positive number of steps"},
		{"negative steps and a period", -1, time.Second, "SaveSteps is -1, want a positive number of steps"},
		{"a negative period", 0, -time.Second, "SaveSecs is -1s, want a positive duration"},
		{"steps and a negative period", 1, -time.Second, "SaveSecs is -1s, want a positive duration"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := cadence.Check("SaveSteps", c.steps, "SaveSecs", c.period)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func TestAPeriodMayBeLeftOutOrOff(t *testing.T) {
	fallback := cadence.Period{Steps: 100}
	for _, c := range []struct {
		name   string
		steps  int64
		period time.Duration
		want   cadence.Period
		fault  string
	}{
		{"neither", 0, 0, fallback, ""},
		{"steps", 7, 0, cadence.Period{Steps: 7}, ""},
		{"a period", 0, time.Second, cadence.Period{Secs: time.Second}, ""},
		{"steps off", cadence.Off, 0, cadence.Period{}, ""},
		{"the period off", 0, cadence.Off, cadence.Period{}, ""},
		{"both off", cadence.Off, cadence.Off, cadence.Period{}, ""},
		{"steps, the period off", 7, cadence.Off, cadence.Period{Steps: 7}, ""},
		{"a period, steps off", cadence.Off, time.Second, cadence.Period{Secs: time.Second}, ""},
		{"both", 8, time.Minute, cadence.Period{}, "both SaveSteps (8) and SaveSecs (1m0s) are set, want at most one"},
		{"negative steps", -2, time.Minute, cadence.Period{}, "SaveSteps is -2, want a positive number of steps, 0 or Off"},
		{"a negative period", cadence.Off, -time.Second, cadence.Period{}, "SaveSecs is -1s, want a positive duration, 0 or Off"},
		{"both negative", -2, -time.Second, cadence.Period{}, "SaveSteps is -2, want a positive number of steps, 0 or Off\nSaveSecs is -1s, want a positive duration, 0 or Off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := cadence.Or("SaveSteps", c.steps, "SaveSecs", c.period, fallback)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want != cadence.Period{}, got.IsOn())
			if c.fault == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, c.fault)
		})
	}
}

func TestTwoFaultsAreReportedAtOnce(t *testing.T) {
	err := cadence.Check("SaveSteps", -1, "SaveSecs", -time.Second)
	require.ErrorContains(t, err, "SaveSteps is -1, want a positive number of steps")
	require.ErrorContains(t, err, "SaveSecs is -1s, want a positive duration")
}
