package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/runhook/runhook/summary/eventlog"
)

// A selection is the flags that choose what a command works on.
type selection struct {
	runs, tags, kinds   []string
	steps, since, until string
	purge               bool
}

// chosen is a selection that was understood. run, tag and kind are nil where
// nothing was said. config has what package eventlog can choose by.
type chosen struct {
	run, tag func(string) bool
	kind     func(eventlog.Kind) bool
	config   eventlog.Config
}

// names registers the flags that choose series.
func (s *selection) names(a *app, cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&s.runs, "run", "r", nil, "only these runs: a `PATTERN`, may be given several times")
	f.StringArrayVarP(&s.tags, "tag", "t", nil, "only these tags: a `PATTERN`, may be given several times")
	a.complete(cmd)
}

// kindsFlag registers --kind.
func (s *selection) kindsFlag(cmd *cobra.Command) {
	cmd.Flags().StringSliceVarP(&s.kinds, "kind", "k", nil, "only values of these `KINDS`: "+strings.Join(kindNames(), ", "))
	mustComplete(cmd, "kind", kindNames())
}

// events registers the flags that choose events.
func (s *selection) events(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&s.steps, "steps", "s", "", "only these steps, both ends included: `FROM:TO`, FROM:, :TO or one")
	f.StringVar(&s.since, "since", "", "only what was written at this `TIME` or later")
	f.StringVar(&s.until, "until", "", "only what was written before this `TIME`")
}

// purgeFlag registers --purge.
func (s *selection) purgeFlag(cmd *cobra.Command, byDefault bool) {
	cmd.Flags().BoolVar(&s.purge, "purge", byDefault, "leave out what a restart has overtaken, as TensorBoard does")
}

func (s *selection) resolve(now time.Time) (*chosen, error) {
	c := &chosen{config: eventlog.Config{Purge: s.purge}}
	var errs [5]error
	c.run, errs[0] = matcher(s.runs)
	c.tag, errs[1] = matcher(s.tags)
	c.kind, errs[2] = kindMatcher(s.kinds)
	c.config.Step, errs[3] = parseSteps(s.steps)
	c.config.WallTime, errs[4] = parseTimes(s.since, s.until, now)
	c.config.Run, c.config.Tag = c.run, c.tag
	return c, errors.Join(errs[:]...)
}

func kindNames() []string {
	var names []string
	for k := eventlog.Kind(1); !strings.HasPrefix(k.String(), "Kind("); k++ {
		names = append(names, k.String())
	}
	return names
}

func kindMatcher(texts []string) (func(eventlog.Kind) bool, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	var wanted [256]bool
	names := kindNames()
	var errs []error
	for _, text := range texts {
		found := false
		for i, name := range names {
			if name == text {
				wanted[i+1], found = true, true
			}
		}
		if !found {
			errs = append(errs, fmt.Errorf("--kind %q, want one of %s", text, strings.Join(names, ", ")))
		}
	}
	return func(k eventlog.Kind) bool { return wanted[k] }, errors.Join(errs...)
}

func parseSteps(text string) (func(int64) bool, error) {
	if text == "" {
		return nil, nil
	}
	from, to, isRange := strings.Cut(text, ":")
	if !isRange {
		to = from
	}
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	for _, end := range []struct {
		text string
		step *int64
	}{{from, &low}, {to, &high}} {
		if end.text == "" && isRange {
			continue
		}
		n, err := strconv.ParseInt(end.text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("--steps %q, want FROM:TO, FROM:, :TO or one step", text)
		}
		*end.step = n
	}
	if low > high {
		return nil, fmt.Errorf("--steps %q: the first is above the last", text)
	}
	return func(step int64) bool { return low <= step && step <= high }, nil
}

func parseTimes(since, until string, now time.Time) (func(float64) bool, error) {
	if since == "" && until == "" {
		return nil, nil
	}
	from, fromErr := parseTime("--since", since, now, math.Inf(-1))
	to, toErr := parseTime("--until", until, now, math.Inf(1))
	return func(t float64) bool { return from <= t && t < to }, errors.Join(fromErr, toErr)
}

// parseTime returns seconds since the Unix epoch.
func parseTime(flag, text string, now time.Time, open float64) (float64, error) {
	if text == "" {
		return open, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(seconds) {
		return seconds, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return unixSeconds(now.Add(-ago)), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return unixSeconds(t), nil
		}
	}
	return 0, fmt.Errorf("%s %q is no time, want such as 2026-11-29, \"2026-11-29 15:04\", 2026-11-29T15:04:05Z, 1795946700 or 90m", flag, text)
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// timeOf is the opposite; a time that no calendar has is the zero time.
func timeOf(seconds float64) time.Time {
	if !(math.Abs(seconds) < 1e11) {
		return time.Time{}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9))
}
