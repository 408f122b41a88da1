package summary

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/internal/lanes"
)

// Fields of XSpace and what is in it, in tsl/profiler/protobuf/xplane.proto. They
// are the wire format and cannot change.
const (
	spacePlanes    = 1
	spaceHostnames = 4

	planeName          = 2
	planeLines         = 3
	planeEventMetadata = 4
	planeStatMetadata  = 5
	planeStats         = 6

	lineID     = 1
	lineName   = 2
	lineEvents = 4

	eventMetadataID = 1
	eventOffsetPs   = 2
	eventDurationPs = 3
	eventStats      = 4

	statMetadataID  = 1
	statUint64Value = 3
	statInt64Value  = 4
	statRefValue    = 7 // the id of the stat whose name is the value

	entryKey             = 1
	entryValue           = 2
	xMetadataID          = 1
	xMetadataName        = 2
	xMetadataDisplayName = 4
)

// encode returns the XSpace of a machine: a plane with the steps and nodes, each of
// which has the group of its step, so that the Profile page need not guess it; and one
// that says when all that was.
func (t *timetable) encode(host string) []byte {
	var cpu, task xPlane
	cpu.addLines("steps", t.steps, func(e *timetableEntry) []byte {
		// A name that starts with "train" tells the page that it is a step.
		event := cpu.event("train", e)
		event = cpu.appendStat(event, eventStats, "step_num", statInt64Value, uint64(e.step))
		return cpu.appendStat(event, eventStats, "step_name", statRefValue, cpu.stats.id(fmt.Sprintf("train %d", e.step)))
	})
	cpu.addLines("engine", t.nodes, func(e *timetableEntry) []byte {
		// The page knows many names (train…, SessionRun, …), but none with a slash in
		// front. That it is an op is told apart, as "name:type"; the type is what the
		// page makes of the name.
		event := cpu.event("/"+e.node, e)
		return cpu.appendStat(event, eventStats, "tf_op", statRefValue, cpu.stats.id(opName(e.node)+":"))
	})
	begin := t.begin.UnixNano()
	var times []byte
	times = task.appendStat(times, planeStats, "profile_start_time", statUint64Value, uint64(begin))
	times = task.appendStat(times, planeStats, "profile_stop_time", statUint64Value, uint64(begin)+uint64(t.end))

	space := appendMessage(nil, spacePlanes, cpu.encode("/host:CPU"))
	space = appendMessage(space, spacePlanes, append(task.encode("Task Environment"), times...))
	return appendString(space, spaceHostnames, host)
}

// opName is the name of a node as that of an op, which a colon would end.
func opName(node string) string { return strings.ReplaceAll(node, ":", "_") }

// An xPlane is an XPlane in the making. Its events and stats have ids, under which
// it keeps their names.
type xPlane struct {
	lines         [][]byte
	events, stats idTable
}

// addLines adds as many lines as entries overlap in time. Their times are since the
// profile's begin.
func (p *xPlane) addLines(name string, entries []timetableEntry, event func(*timetableEntry) []byte) {
	var rows lanes.Lanes
	before := len(p.lines)
	for i := range entries {
		e := &entries[i]
		row := rows.Place(int64(e.start), int64(e.end))
		at := before + row
		if at == len(p.lines) {
			label := name
			if row > 0 {
				label = fmt.Sprintf("%s/%d", name, row)
			}
			line := appendInt(nil, lineID, int64(at)+1)
			p.lines = append(p.lines, appendString(line, lineName, label))
		}
		p.lines[at] = appendMessage(p.lines[at], lineEvents, event(e))
	}
}

// event returns an XEvent, to which more stats can be appended.
func (p *xPlane) event(name string, e *timetableEntry) []byte {
	b := appendUint(nil, eventMetadataID, p.events.id(name))
	b = appendUint(b, eventOffsetPs, picoseconds(e.start))
	b = appendUint(b, eventDurationPs, picoseconds(e.end-e.start))
	return p.appendStat(b, eventStats, "group_id", statInt64Value, uint64(e.group))
}

func picoseconds(d time.Duration) uint64 { return uint64(d) * 1000 }

// appendStat appends an XStat to what has stats.
func (p *xPlane) appendStat(b []byte, field protowire.Number, name string, kind protowire.Number, value uint64) []byte {
	stat := appendUint(nil, statMetadataID, p.stats.id(name))
	return appendMessage(b, field, appendUint(stat, kind, value))
}

func (p *xPlane) encode(name string) []byte {
	b := appendString(nil, planeName, name)
	for _, line := range p.lines {
		b = appendMessage(b, planeLines, line)
	}
	for i, name := range p.events.names {
		metadata := appendUint(nil, xMetadataID, uint64(i)+1)
		metadata = appendString(metadata, xMetadataName, opName(name))
		if node, ok := strings.CutPrefix(name, "/"); ok {
			metadata = appendString(metadata, xMetadataDisplayName, node)
		}
		b = appendEntry(b, planeEventMetadata, i, metadata)
	}
	for i, name := range p.stats.names {
		metadata := appendUint(nil, xMetadataID, uint64(i)+1)
		b = appendEntry(b, planeStatMetadata, i, appendString(metadata, xMetadataName, name))
	}
	return b
}

// An idTable gives names ids from 1 on.
type idTable struct {
	ids   map[string]uint64
	names []string
}

func (t *idTable) id(name string) uint64 {
	id, ok := t.ids[name]
	if !ok {
		if t.ids == nil {
			t.ids = make(map[string]uint64)
		}
		t.names = append(t.names, name)
		id = uint64(len(t.names))
		t.ids[name] = id
	}
	return id
}

// appendEntry appends the entry of a map for the name at i of an idTable.
func appendEntry(b []byte, field protowire.Number, i int, value []byte) []byte {
	entry := appendUint(nil, entryKey, uint64(i)+1)
	return appendMessage(b, field, appendMessage(entry, entryValue, value))
}
