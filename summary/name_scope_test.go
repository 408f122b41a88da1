package summary_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/summary"
)

func TestTagsInScopesAndFamiliesAreTensorFlows(t *testing.T) {
	for _, c := range readNames(t).Cleaning {
		for _, where := range []struct {
			name string
			tag  func(name string) string
			want taggedByTensorFlow
		}{
			{"at the root", func(name string) string { return new(summary.NameScope).Tag(name) }, c.Root},
			{"in a scope", func(name string) string { return new(summary.NameScope).Scope("outer").Tag(name) }, c.Outer},
			{"with a family", func(name string) string { return new(summary.NameScope).FamilyTag("fam", name) }, c.Family},
		} {
			got := where.tag(c.Name)
			if where.want.Error != nil {
				// A graph refuses these as names of its operations.
				require.Regexp(t, "(scope|node) name", where.want.Error.Message)
				require.True(t, strings.HasSuffix(got, strings.TrimRight(c.Cleaned, "/")), "%q %s: %q", c.Name, where.name, got)
				continue
			}
			require.Equal(t, where.want.Tags, []string{got}, "%q %s", c.Name, where.name)
		}
	}
}

func TestTagsOfAWriterInScopesAreThoseOfTensorFlow2(t *testing.T) {
	cases := readNames(t).V2
	require.GreaterOrEqual(t, len(cases), 9)
	for _, c := range cases {
		f := newMemoryFile()
		file := openOn(t, f, summary.FileWriterConfig{})
		w := &file.Writer
		for _, scope := range c.Scopes {
			w = w.Scope(scope)
		}
		if c.Name == "" { // there the default of an op's name
			require.Error(t, w.Scalar(c.Name, 1, 1))
			continue
		}
		require.NoError(t, w.Scalar(c.Name, 1, 1))
		require.NoError(t, file.Close())
		values := withoutVersion(t, decode(t, f.contents()))[0].GetSummary().GetValue()
		require.Equal(t, c.Tags, []string{values[0].GetTag()})
	}
}

func TestAScopeWithASlashAtItsEndIsWhole(t *testing.T) {
	for _, c := range []struct {
		scopes []string
		want   string
	}{
		{[]string{"a", "b"}, "a/b/loss"},
		{[]string{"a", "b/"}, "b/loss"},
		{[]string{"a/b/", "c"}, "a/b/c/loss"},
		{[]string{"a", "/"}, "loss"},
		{[]string{"/a"}, "/a/loss"},
		{[]string{"a", ""}, "a/loss"}, // where TensorFlow would be at the root
	} {
		f := newMemoryFile()
		file := openOn(t, f, summary.FileWriterConfig{})
		w := &file.Writer
		for _, scope := range c.scopes {
			w = w.Scope(scope)
		}
		require.NoError(t, w.Scalar("loss", 1, 1))
		require.NoError(t, file.Close())
		values := withoutVersion(t, decode(t, f.contents()))[0].GetSummary().GetValue()
		require.Equal(t, c.want, values[0].GetTag(), "%q", c.scopes)
	}
}

// An op of a sequence in names.json, as "scope outer: scalar loss family fam".
var (
	scopesBefore = regexp.MustCompile(`^((?:scope [^,:]+(?:, )?)*)(?:: )?(?:scalar|histogram|text|tensor_summary) '?([^']+?)'?(?: family '?([^']*?)'?)?$`)
	remark       = regexp.MustCompile(` \(.*?\)`)
)

func TestNamesThatComeAgainAreNumberedAsInAGraph(t *testing.T) {
	played := 0
	for _, c := range readNames(t).Sequences {
		var root summary.NameScope
		for i, op := range c.Ops {
			match := scopesBefore.FindStringSubmatch(remark.ReplaceAllString(op, ""))
			if c.Result[i].Error != nil {
				break // and no more of a graph that has seen half an op
			}
			if match == nil {
				continue
			}
			played++
			scope := &root
			for name := range strings.SplitSeq(match[1], ", ") {
				if name != "" {
					scope = scope.Scope(strings.TrimPrefix(name, "scope "))
				}
			}
			require.Equal(t, c.Result[i].Tags, []string{scope.FamilyTag(match[3], match[2])}, "%q of %q", op, c.Ops)
		}
	}
	require.GreaterOrEqual(t, played, 20)
}

func TestNamesAreTakenWhateverTheirCase(t *testing.T) {
	var root summary.NameScope
	tags := []string{root.Tag("Loss"), root.Tag("loss"), root.Tag("loss_1"), root.Tag("LOSS")}
	require.Equal(t, []string{"Loss", "loss_1", "loss_1_1", "LOSS_2"}, tags)
}

func TestAScopeIsSafeForConcurrentUse(t *testing.T) {
	var root summary.NameScope
	var wg sync.WaitGroup
	tags := make([]string, 50)
	for i := range tags {
		wg.Go(func() { tags[i] = root.Scope("layer").Tag("w") })
	}
	wg.Wait()
	seen := make(map[string]bool)
	for _, tag := range tags {
		require.False(t, seen[tag], tag)
		seen[tag] = true
	}
}
