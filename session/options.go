package session

import "time"

// TraceLevel says how much of a run is traced, with RunOptions' numbers.
type TraceLevel int

// The trace levels of tf.compat.v1.RunOptions.
const (
	NoTrace       TraceLevel = 0
	SoftwareTrace TraceLevel = 1
	HardwareTrace TraceLevel = 2
	FullTrace     TraceLevel = 3
)

// RunOptions are the options of one run: those fields of TensorFlow's message
// that hooks can ask for. The zero value asks for nothing.
type RunOptions struct {
	TraceLevel TraceLevel
	// Timeout limits the run through its context. 0 means no limit. A hook may
	// lengthen the caller's limit but not bring one into a run that has none.
	Timeout             time.Duration
	InterOpThreadPool   int
	PartitionGraphs     bool     // output_partition_graphs
	ReportTensorsOnOOM  bool     // report_tensor_allocations_upon_oom
	DebugTensorWatches  []string // debug_options.debug_tensor_watch_opts, by name
	ResetDebugDiskUsage bool     // debug_options.reset_disk_byte_usage
}

// set makes o a copy of from that shares no slice with it.
func (o *RunOptions) set(from *RunOptions) {
	watches := o.DebugTensorWatches[:0]
	*o = RunOptions{}
	if from != nil {
		*o = *from
		watches = append(watches, from.DebugTensorWatches...)
	}
	o.DebugTensorWatches = watches
}

// merge adds what a hook asks for: the larger of levels and pools, watches
// behind those before.
func (o *RunOptions) merge(from *RunOptions) {
	o.TraceLevel = max(o.TraceLevel, from.TraceLevel)
	if o.Timeout > 0 {
		o.Timeout = max(o.Timeout, from.Timeout)
	}
	o.InterOpThreadPool = max(o.InterOpThreadPool, from.InterOpThreadPool)
	o.PartitionGraphs = o.PartitionGraphs || from.PartitionGraphs
	o.ReportTensorsOnOOM = o.ReportTensorsOnOOM || from.ReportTensorsOnOOM
	o.DebugTensorWatches = append(o.DebugTensorWatches, from.DebugTensorWatches...)
	o.ResetDebugDiskUsage = o.ResetDebugDiskUsage || from.ResetDebugDiskUsage
}

// RunMetadata is what an engine tells of one run when it was traced.
type RunMetadata struct {
	// Nodes are the evaluated nodes in the order in which they began.
	Nodes []NodeStats
}

// NodeStats is the evaluation of one node in one run.
type NodeStats struct {
	Name     string
	Start    time.Time
	Duration time.Duration
}

func (m *RunMetadata) reset() { m.Nodes = m.Nodes[:0] }
