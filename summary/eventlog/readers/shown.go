package readers

import (
	"context"
	"io/fs"

	"github.com/runhook/runhook/summary/eventpb"
)

// A View is one of TensorBoard's readers. Its methods may be called from any
// number of goroutines.
type View interface {
	// Name is short and for people: "rustboard".
	Name() string

	// Load reads the log directory that is the root of fsys. Damaged files are
	// no error, they are part of what is shown. It fails only when ctx is done
	// or the root cannot be listed.
	//
	// All values are held in memory, so Load needs memory in proportion to the
	// files, never to what they claim.
	Load(ctx context.Context, fsys fs.FS) (*Shown, error)
}

// All returns the three views with the readers' default settings: scripts, the
// Python server, the data server.
func All() []View {
	return []View{EventAccumulator{}, PythonServer{}, DataServer{}}
}

// Shown is what a reader shows of a log directory. It shares nothing with the
// view that made it.
type Shown struct {
	// Runs in the order of the page, which is by start; for EventAccumulator,
	// which reads one directory at a time, by start, too.
	Runs []Run

	// Plugins are the names of the plugins that the reader takes for active,
	// sorted. EventAccumulator has none.
	Plugins []string

	// Losses are what is in the files and not shown, in the order in which the
	// reader came upon it. They do not repeat what Err fields say.
	Losses []Loss

	// Err is why the reader stopped for good: the Python server's loading thread
	// ends at the first record that it cannot read, and runs that would come
	// later stay empty, or at a name that is no UTF-8, before it has any. The data
	// server ends for want of memory.
	Err error

	// PluginErrs are the pages that answer every request with an error, because
	// of one series that they stumble on. None of the plugin's tags is shown, in
	// any run. The key "runs" is no plugin: where the Python server cannot read the
	// first event of a run, as that of a directory named like an event file, it
	// does not answer which runs there are.
	PluginErrs map[string]error
}

// Run returns the run of the given name, or nil. The log directory itself is
// the run ".".
func (s *Shown) Run(name string) *Run {
	for i := range s.Runs {
		if s.Runs[i].Name == name {
			return &s.Runs[i]
		}
	}
	return nil
}

// A Run is a directory with event files.
type Run struct {
	// Name is the path below the log directory, with slashes.
	Name string

	// Start orders the runs, in seconds since the Unix epoch: the wall time of
	// the first event, for the data server the least of all. Started tells
	// whether there is one.
	Start   float64
	Started bool

	// Tags are sorted by name. A name occurs more than once where
	// EventAccumulator keeps it in several of its lists.
	Tags []Tag

	// Err is why nothing of the run is shown: EventAccumulator.Reload raises.
	Err error
}

// Tag returns the first tag of the given name, or nil.
func (r *Run) Tag(name string) *Tag {
	for i := range r.Tags {
		if r.Tags[i].Name == name {
			return &r.Tags[i]
		}
	}
	return nil
}

// A Tag is a series that is listed.
type Tag struct {
	Name string

	// List is the key of EventAccumulator.Tags() that holds the tag, such as
	// ListScalars. Empty for the servers.
	List string

	// Plugin names the page that shows the tag.
	Plugin string

	// Content is the plugin's own part of the metadata.
	Content []byte

	// DisplayName and Description, which is Markdown, are those the reader
	// hands out. Some pages pass over them.
	DisplayName, Description string

	// Class is how a server serves the tag. For EventAccumulator, which ignores
	// it, it is what the metadata says.
	Class eventpb.DataClass

	// Samples is how many pictures or clips the page offers for a step, for
	// images and audio; negative where the Python server miscounts a tensor
	// without shape.
	Samples int

	// MIME is the type that the server sends with each clip, for audio.
	MIME string

	// Points in the order served.
	Points []Point

	// Err is what the server answers, or the page stumbles on, in place of the
	// points; for audio, of some clips.
	Err error
}

// The lists of EventAccumulator.
const (
	ListScalars     = "scalars"
	ListHistograms  = "histograms"
	ListImages      = "images"
	ListAudio       = "audio"
	ListTensors     = "tensors"
	ListGraph       = "graph"
	ListMetaGraph   = "meta_graph"
	ListRunMetadata = "run_metadata"
)

// A Point is one value of a series.
type Point struct {
	Step     int64
	WallTime float64 // seconds since the Unix epoch

	// Value is
	//
	//	float64                  of class SCALAR, and for ListScalars
	//	string                   of class SCALAR where the Python server finds text
	//	*Tensor                  of class TENSOR, and for ListTensors
	//	error                    for ListTensors, where numpy can make no array of it
	//	[]Blob                   of class BLOB_SEQUENCE, for images without the
	//	                         width and height in front, and for graphs
	//	*eventpb.HistogramProto  for ListHistograms
	//	*eventpb.Summary_Image   for ListImages
	//	*eventpb.Summary_Audio   for ListAudio
	Value any

	Place

	claimed int // how many blobs there are to the server
}

// A Place is a record of an event file.
type Place struct {
	File   string // its path below the log directory, with slashes
	Offset int64  // where the record begins
}

// A Blob is a picture, clip or serialized message.
//
// A tensor of one string can claim any shape, of which the Python server makes
// as many blobs. A point has no more than 64 of such; Samples counts all.
type Blob struct {
	Data []byte
	MIME string // as the server sends it, for images
	Err  error  // why the server answers with an error, or with nothing of the file
}
