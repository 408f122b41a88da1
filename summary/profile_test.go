package summary_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
)

// An xSpace is what TensorFlow's definition of the messages finds in a profile.
type xSpace struct {
	Planes    []xPlane
	Hostnames []string
}

type xPlane struct {
	Name          string
	Lines         []xLine
	EventMetadata map[string]xMetadata
	StatMetadata  map[string]xMetadata
	Stats         []xStat
}

type xMetadata struct{ ID, Name, DisplayName string }

type xLine struct {
	ID          int64 `json:",string"`
	Name        string
	TimestampNs int64 `json:",string"`
	Events      []xEvent
}

type xEvent struct {
	MetadataID string
	OffsetPs   *int64 `json:",string"`
	DurationPs int64  `json:",string"`
	Stats      []xStat
}

type xStat struct {
	MetadataID  string
	Int64Value  *int64 `json:",string"`
	Uint64Value uint64 `json:",string"`
	RefValue    string
}

func readProfile(t *testing.T, path string) (space xSpace) {
	t.Helper()
	file := new(descriptorpb.FileDescriptorProto)
	require.NoError(t, proto.Unmarshal([]byte(readFile(t, "testdata", "xplane", "descriptor.binpb")), file))
	described, err := protodesc.NewFile(file, nil)
	require.NoError(t, err)
	message := dynamicpb.NewMessage(described.Messages().ByName("XSpace"))
	require.NoError(t, proto.Unmarshal([]byte(readFile(t, path)), message))
	require.Empty(t, message.GetUnknown())
	text, err := protojson.Marshal(message)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &space))
	for _, p := range space.Planes {
		for _, metadata := range []map[string]xMetadata{p.EventMetadata, p.StatMetadata} {
			for id, m := range metadata {
				require.Equal(t, id, m.ID)
			}
		}
	}
	return space
}

// profilePath returns the only file of the only profile in dir.
func profilePath(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "plugins", "profile", "*", "*"))
	require.NoError(t, err)
	require.Len(t, paths, 1)
	return paths[0]
}

// stats are the stats of an event or plane by their names.
func (p xPlane) stats(stats []xStat) string {
	var all []string
	for _, s := range stats {
		value := fmt.Sprint(s.Uint64Value)
		switch {
		case s.Int64Value != nil:
			value = fmt.Sprint(*s.Int64Value)
		case s.RefValue != "":
			value = fmt.Sprintf("%q", p.StatMetadata[s.RefValue].Name)
		}
		all = append(all, p.StatMetadata[s.MetadataID].Name+"="+value)
	}
	return strings.Join(all, " ")
}

func (p xPlane) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plane %q %s\n", p.Name, p.stats(p.Stats))
	for _, l := range p.Lines {
		fmt.Fprintf(&b, "line %d %q %d\n", l.ID, l.Name, l.TimestampNs)
		for _, e := range l.Events {
			m := p.EventMetadata[e.MetadataID]
			fmt.Fprintf(&b, "%d+%d %q %q %s\n", *e.OffsetPs, e.DurationPs, m.Name, m.DisplayName, p.stats(e.Stats))
		}
	}
	return b.String()
}

var profileBegin = time.Date(2026, 11, 29, 13, 20, 5, 7, time.UTC)

func node(name string, from, to time.Duration) session.NodeStats {
	return session.NodeStats{Name: name, Start: profileBegin.Add(from), Duration: to - from}
}

func stepOf(step int64, nodes ...session.NodeStats) summary.ProfileStep {
	return summary.ProfileStep{Step: step, Metadata: &session.RunMetadata{Nodes: nodes}}
}

func TestAProfileHasTheTimesOfStepsAndNodes(t *testing.T) {
	dir := t.TempDir()
	early := stepOf(4, node("loss:0", 1, 2), node("train", 3, 4))
	early.Start, early.Duration = profileBegin, 3
	alone := stepOf(6)
	alone.Start = profileBegin.Add(20)
	require.NoError(t, summary.WriteProfile(dir, summary.Profile{Host: "a.b", Steps: []summary.ProfileStep{
		alone,
		stepOf(5, node("größe", 10, 16), node("train", 10, 14), node("hidden/w_1", 14, 15), node("größe", 16, 16)),
		early,
	}}))
	path := profilePath(t, dir)
	require.Equal(t, profileBegin.Local().Format("2006_01_02_15_04_05")+"/a.b.xplane.pb", filepath.ToSlash(strings.TrimPrefix(path, filepath.Join(dir, "plugins", "profile")+string(filepath.Separator))))
	space := readProfile(t, path)
	require.Equal(t, []string{"a.b"}, space.Hostnames)
	require.Equal(t, `plane "/host:CPU" 
line 1 "steps" 0
0+4000 "train" "" group_id=0 step_num=4 step_name="train 4"
10000+6000 "train" "" group_id=1 step_num=5 step_name="train 5"
20000+0 "train" "" group_id=2 step_num=6 step_name="train 6"
line 2 "engine" 0
1000+1000 "/loss_0" "loss:0" group_id=0 tf_op="loss_0:"
3000+1000 "/train" "train" group_id=0 tf_op="train:"
10000+6000 "/größe" "größe" group_id=1 tf_op="größe:"
16000+0 "/größe" "größe" group_id=1 tf_op="größe:"
line 3 "engine/1" 0
10000+4000 "/train" "train" group_id=1 tf_op="train:"
14000+1000 "/hidden/w_1" "hidden/w_1" group_id=1 tf_op="hidden/w_1:"
`, space.Planes[0].String())
	require.Equal(t, "plane \"Task Environment\" profile_start_time=1795958405000000007 profile_stop_time=1795958405000000027\n", space.Planes[1].String())
	require.Len(t, space.Planes, 2)
}

func TestStepsThatOverlapAreDrawnInRows(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, summary.WriteProfile(dir, summary.Profile{Steps: []summary.ProfileStep{stepOf(1, node("a", 0, 3)), stepOf(2, node("b", 2, 4))}}))
	var lines []string
	for _, l := range readProfile(t, profilePath(t, dir)).Planes[0].Lines {
		lines = append(lines, l.Name)
	}
	require.Equal(t, []string{"steps", "steps/1", "engine", "engine/1"}, lines)
}

// TestAProfileHasTensorFlowsForm asks a file of TensorFlow and one of ours the same.
func TestAProfileHasTensorFlowsForm(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, summary.WriteProfile(dir, summary.Profile{Steps: []summary.ProfileStep{
		stepOf(10, node("a", 0, 3)), stepOf(11, node("b", 4, 5)), stepOf(12, node("b", 6, 7)),
	}}))
	for name, path := range map[string]string{"TensorFlow's": filepath.Join("testdata", "xplane", "tensorflow.xplane.pb"), "ours": profilePath(t, dir)} {
		t.Run(name, func(t *testing.T) {
			space := readProfile(t, path)
			require.Len(t, space.Hostnames, 1)
			require.Len(t, space.Planes, 2)
			cpu, task := space.Planes[0], space.Planes[1]
			require.Equal(t, "/host:CPU", cpu.Name)
			require.Equal(t, "Task Environment", task.Name)
			require.Regexp(t, `^profile_start_time=17959\d{14} profile_stop_time=17959\d{14}`, task.stats(task.Stats))
			var steps []int64
			for _, l := range cpu.Lines {
				require.Less(t, l.TimestampNs, int64(time.Second), "since the profile began")
				require.True(t, slices.IsSortedFunc(l.Events, func(a, b xEvent) int { return cmp.Compare(*a.OffsetPs, *b.OffsetPs) }))
				for _, e := range l.Events {
					for _, s := range e.Stats {
						if cpu.EventMetadata[e.MetadataID].Name == "train" && cpu.StatMetadata[s.MetadataID].Name == "step_num" {
							steps = append(steps, *s.Int64Value)
						}
					}
				}
			}
			require.Equal(t, []int64{10, 11, 12}, steps)
		})
	}
}

func TestProfilesReplaceNone(t *testing.T) {
	dir := t.TempDir()
	w := openWriter(t, dir, summary.FileWriterConfig{})
	p := summary.Profile{Host: "h", Steps: []summary.ProfileStep{stepOf(1, node("a", 0, 1))}}
	for range 3 {
		require.NoError(t, w.Profile(p))
	}
	p.Name = "warm"
	require.NoError(t, w.Profile(p))
	err := w.Profile(p)
	require.ErrorIs(t, err, fs.ErrExist)
	require.ErrorContains(t, err, `summary: profile "warm": `)
	require.NoError(t, w.Close())
	require.ErrorIs(t, w.Profile(p), summary.ErrClosed)

	name := profileBegin.Local().Format("2006_01_02_15_04_05")
	require.Equal(t, []string{name, name + "_1", name + "_2", "warm"}, namesIn(t, filepath.Join(dir, "plugins", "profile")))
	require.Equal(t, []string{"h.xplane.pb"}, namesIn(t, filepath.Join(dir, "plugins", "profile", name+"_1")))
	require.Equal(t, readFile(t, dir, "plugins", "profile", name, "h.xplane.pb"), readFile(t, dir, "plugins", "profile", "warm", "h.xplane.pb"))
	require.Len(t, namesIn(t, dir), 2, "the event file, and nothing half made")
}

func TestProfilesOfTheSameSecondHaveNamesOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	profiles := filepath.Join(dir, "plugins", "profile")
	name := profileBegin.Local().Format("2006_01_02_15_04_05")
	require.NoError(t, os.MkdirAll(profiles, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(profiles, name), nil, 0o666)) // a file, no folder
	const writers = 8
	errs := make(chan error, writers)
	for range writers {
		go func() {
			errs <- summary.WriteProfile(dir, summary.Profile{Host: "h", Steps: []summary.ProfileStep{stepOf(1, node("a", 0, 1))}})
		}()
	}
	want := []string{name}
	for i := range writers {
		require.NoError(t, <-errs)
		want = append(want, fmt.Sprintf("%s_%d", name, i+1))
	}
	require.ElementsMatch(t, want, namesIn(t, profiles))
	require.Equal(t, []string{"plugins"}, namesIn(t, dir))
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAProfileThatCannotBeWrittenLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	one := []summary.ProfileStep{stepOf(1, node("a", 0, 1))}
	long := strings.Repeat("x", 300)
	require.ErrorContains(t, summary.WriteProfile(dir, summary.Profile{Host: long, Steps: one}), `summary: profile "": `)
	require.ErrorContains(t, summary.WriteProfile(dir, summary.Profile{Name: long, Steps: one}), `summary: profile "xxx`)
	require.Equal(t, []string{"plugins"}, namesIn(t, dir))
	require.Empty(t, namesIn(t, filepath.Join(dir, "plugins", "profile")))
	require.ErrorContains(t, summary.WriteProfile("profile_test.go", summary.Profile{Steps: one}), "profile_test.go")
}

func TestProfilesThatCannotBeShownAreRefused(t *testing.T) {
	const limit = "2562h2m52.036854775s"
	at := func(start time.Time, d time.Duration) summary.ProfileStep {
		return summary.ProfileStep{Step: 7, Start: start, Duration: d, Metadata: new(session.RunMetadata)}
	}
	one := []summary.ProfileStep{stepOf(1, node("a", 0, 1))}
	for _, c := range []struct {
		profile summary.Profile
		want    string
	}{
		{summary.Profile{}, `summary: profile "": no steps`},
		{summary.Profile{Name: "a/b", Steps: one}, `summary: profile "a/b": name "a/b", want one that can be a folder's`},
		{summary.Profile{Name: "..", Steps: one}, `summary: profile "..": name "..", want one that can be a folder's`},
		{summary.Profile{Name: "a\xff", Steps: one}, `summary: profile "a\xff": name "a\xff", want one that can be a folder's`},
		{summary.Profile{Host: `a\b`, Steps: one}, `summary: profile "": host "a\\b", want a name that can be a file's`},
		{summary.Profile{Host: "../a", Steps: one}, `summary: profile "": host "../a", want a name that can be a file's`},
		{summary.Profile{Host: "\xff", Steps: one}, `summary: profile "": host "\xff", want a name that can be a file's`},
		{summary.Profile{Steps: []summary.ProfileStep{{Step: 7, Start: profileBegin}}}, `summary: profile "": step 7: the metadata are nil`},
		{summary.Profile{Steps: []summary.ProfileStep{stepOf(7)}}, `summary: profile "": step 7: neither nodes nor a start`},
		{summary.Profile{Steps: []summary.ProfileStep{{Step: 7, Duration: 1, Metadata: one[0].Metadata}}}, `summary: profile "": step 7: start 0001-01-01 00:00:00 +0000 UTC, want one from 1970 to 2262`},
		{summary.Profile{Steps: []summary.ProfileStep{at(time.Unix(-1, 0).UTC(), 0)}}, `summary: profile "": step 7: start 1969-12-31 23:59:59 +0000 UTC, want one from 1970 to 2262`},
		{summary.Profile{Steps: []summary.ProfileStep{at(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), 0)}}, `summary: profile "": step 7: start 2300-01-01 00:00:00 +0000 UTC, want one from 1970 to 2262`},
		{summary.Profile{Steps: []summary.ProfileStep{at(profileBegin, -1)}}, `summary: profile "": step 7: duration -1ns, want 0 to ` + limit},
		{summary.Profile{Steps: []summary.ProfileStep{stepOf(7, node("a", 3, 1))}}, `summary: profile "": step 7: node "a": duration -2ns, want 0 to ` + limit},
		{summary.Profile{Steps: []summary.ProfileStep{stepOf(7, node("a", 0, math.MaxInt64))}}, `summary: profile "": step 7: node "a": duration 2562047h47m16.854775807s, want 0 to ` + limit},
		{summary.Profile{Steps: []summary.ProfileStep{stepOf(7, node("a\xff", 0, 1))}}, `summary: profile "": step 7: node name "a\xff" is no valid UTF-8`},
		{summary.Profile{Steps: []summary.ProfileStep{stepOf(7, session.NodeStats{Name: "a"})}}, `summary: profile "": step 7: node "a": start 0001-01-01 00:00:00 +0000 UTC, want one from 1970 to 2262`},
		{summary.Profile{Steps: []summary.ProfileStep{at(time.Unix(0, math.MaxInt64).UTC(), 0), stepOf(8, session.NodeStats{Name: "a", Start: time.Unix(0, 0).UTC()})}}, `summary: profile "": step 8: node "a": start 1970-01-01 00:00:00 +0000 UTC, more than ` + limit + ` away from 2262-04-11 23:47:16.854775807 +0000 UTC`},
		{summary.Profile{Steps: []summary.ProfileStep{at(profileBegin, time.Hour), at(profileBegin.Add(2562*time.Hour), time.Hour)}}, `summary: profile "": 2563h0m0s from the first start to the last end, want at most ` + limit},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		require.EqualError(t, summary.WriteProfile(dir, c.profile), c.want)
		require.NoDirExists(t, dir)
	}
	require.NoError(t, summary.WriteProfile(t.TempDir(), summary.Profile{Steps: []summary.ProfileStep{at(profileBegin, 2562*time.Hour)}}))
}
