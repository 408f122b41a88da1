package summary_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"iter"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// A goldenItem is what there is of one value, or of an event without values, field
// by field, as text.
type goldenItem struct {
	tag    string
	step   int64
	fields map[string]string
}

// itemsOf takes a file apart. Wall times that were made even afterwards are left
// out.
func itemsOf(t *testing.T, events []*eventpb.Event, goldens bool) (items []goldenItem) {
	t.Helper()
	seen, plugins := make(map[string]bool), make(map[string]string)
	for i, e := range events {
		event := map[string]string{"step": fmt.Sprint(e.GetStep())}
		if even := 1577836800 + 0.25*float64(i); !goldens || e.GetWallTime() != even {
			event["wall time"] = fmt.Sprint(e.GetWallTime())
		}
		if e.GetSourceMetadata() != nil {
			event["source"] = e.GetSourceMetadata().GetWriter()
		}
		if e.GetSummary() == nil {
			what := proto.CloneOf(e)
			what.WallTime, what.Step, what.SourceMetadata = 0, 0, nil
			if g := what.GetGraphDef(); g != nil {
				describeGraph(t, g, event)
				what.What = nil
			}
			event["event"] = prototext.MarshalOptions{}.Format(what)
			items = append(items, goldenItem{fmt.Sprintf("%T", e.GetWhat()), e.GetStep(), event})
			continue
		}
		if len(e.GetSummary().GetValue()) == 0 {
			event["event"] = "no values"
			items = append(items, goldenItem{"", e.GetStep(), event})
		}
		for _, v := range e.GetSummary().GetValue() {
			if plugin := v.GetMetadata().GetPluginData().GetPluginName(); !seen[v.GetTag()] {
				plugins[v.GetTag()] = plugin
			}
			item := goldenItem{v.GetTag(), e.GetStep(), map[string]string{"values in the event": fmt.Sprint(len(e.GetSummary().GetValue()))}}
			for field, x := range event {
				item.fields[field] = x
			}
			describeValue(t, plugins[v.GetTag()], v, item.fields)
			if seen[v.GetTag()] {
				item.fields["metadata again"] = fmt.Sprint(v.GetMetadata() != nil)
			} else {
				describeMetadata(t, v.GetMetadata(), item.fields)
			}
			seen[v.GetTag()] = true
			items = append(items, item)
		}
	}
	return items
}

func describeMetadata(t *testing.T, m *eventpb.SummaryMetadata, fields map[string]string) {
	t.Helper()
	fields["display name"], fields["description"] = m.GetDisplayName(), m.GetSummaryDescription()
	fields["plugin"], fields["data class"] = m.GetPluginData().GetPluginName(), m.GetDataClass().String()
	content := m.GetPluginData().GetContent()
	switch m.GetPluginData().GetPluginName() {
	case "hparams":
		describeMessage(t, content, new(eventpb.HParamsPluginData), fields)
	case "mesh":
		describeMessage(t, content, new(eventpb.MeshPluginData), fields)
	case "audio":
		describeMessage(t, content, new(eventpb.AudioPluginData), fields)
	case "pr_curves":
		describeMessage(t, content, new(eventpb.PrCurvePluginData), fields)
	default:
		fields["content"] = string(content)
	}
}

// describeValue adds the fields of a value. A number is one whatever its form, and
// so are pictures and sounds.
func describeValue(t *testing.T, plugin string, v *eventpb.Summary_Value, fields map[string]string) {
	t.Helper()
	switch x := v.GetValue().(type) {
	case nil:
		fields["form"] = "none"
		if v.GetNodeName() != "" {
			fields["node name"] = v.GetNodeName()
		}
	case *eventpb.Summary_Value_SimpleValue:
		fields["form"], fields["number"] = "simple value", number32(x.SimpleValue)
	case *eventpb.Summary_Value_Histo:
		fields["form"] = "histo"
		h := x.Histo
		fields["histo min"], fields["histo max"], fields["histo num"] = fmt.Sprint(h.GetMin()), fmt.Sprint(h.GetMax()), fmt.Sprint(h.GetNum())
		fields["histo sum"], fields["histo sum of squares"] = fmt.Sprint(h.GetSum()), fmt.Sprint(h.GetSumSquares())
		fields["histo limits"], fields["histo counts"] = fmt.Sprint(h.GetBucketLimit()), fmt.Sprint(h.GetBucket())
		left := h.GetMin()
		for i, right := range h.GetBucketLimit() {
			describeBucket(left, right, h.GetBucket()[i], fields)
			left = right
		}
	case *eventpb.Summary_Value_Image:
		fields["form"] = "image"
		fields["size"] = fmt.Sprintf("%d×%d", x.Image.GetWidth(), x.Image.GetHeight())
		fields["colorspace"] = fmt.Sprint(x.Image.GetColorspace())
		describePicture(t, "picture 0", x.Image.GetEncodedImageString(), fields)
	case *eventpb.Summary_Value_Audio:
		a := x.Audio
		fields["form"] = "audio"
		fields["sound"] = fmt.Sprint(a.GetSampleRate(), a.GetNumChannels(), a.GetLengthFrames(), a.GetContentType())
		fields["WAV 0"] = fmt.Sprintf("%q", a.GetEncodedAudioString())
	case *eventpb.Summary_Value_Tensor:
		describeTensor(t, plugin, x.Tensor, fields)
	default:
		t.Fatalf("no field for a %T", x)
	}
}

// describeBucket adds a bucket that is not empty.
func describeBucket(left, right, count float64, fields map[string]string) {
	if count != 0 {
		fields["buckets"] += fmt.Sprintf("%v to %v: %v\n", left, right, count)
	}
}

func number32(x float32) string {
	if x != x {
		return "NaN"
	}
	return fmt.Sprintf("%v (%08x)", x, math.Float32bits(x))
}

func describeTensor(t *testing.T, plugin string, tensor *eventpb.TensorProto, fields map[string]string) {
	t.Helper()
	shape := []int64{}
	for _, d := range tensor.GetTensorShape().GetDim() {
		shape = append(shape, d.GetSize())
	}
	if len(shape) == 0 && tensor.GetDtype() == eventpb.DataType_FLOAT {
		if b := content(tensor); len(b) == 4 {
			fields["form"], fields["number"] = "tensor", number32(math.Float32frombits(binary.LittleEndian.Uint32(b)))
			return
		}
	}
	fields["form"] = "tensor of " + tensor.GetDtype().String()
	fields["shape"] = fmt.Sprint(shape)
	if tensor.GetDtype() != eventpb.DataType_STRING {
		elements := content(tensor)
		fields["elements"] = hex.EncodeToString(elements)
		if plugin == "histograms" {
			for row := range slices.Chunk(elements, 24) {
				var b [3]float64
				_, err := binary.Decode(row, binary.LittleEndian, &b)
				require.NoError(t, err)
				if b[0]-b[0] != 0 || b[1]-b[1] != 0 {
					fields["elements"] = "not finite"
					delete(fields, "buckets")
					return
				}
				describeBucket(b[0], b[1], b[2], fields)
			}
		}
		return
	}
	elements := tensor.GetStringVal()
	if plugin == "images" && len(elements) > 1 {
		fields["size"] = fmt.Sprintf("%s×%s", elements[0], elements[1])
		for i, picture := range elements[2:] {
			describePicture(t, fmt.Sprint("picture ", i), picture, fields)
		}
		return
	}
	for i, s := range elements {
		switch name := fmt.Sprint("element ", i); plugin {
		case "custom_scalars":
			describeMessage(t, s, new(eventpb.Layout), fields)
		case "audio":
			if columns := int(append(shape, 1)[1]); i%columns == 0 { // beside it the label
				name = fmt.Sprint("WAV ", i/columns)
			}
			fallthrough
		default:
			fields[name] = fmt.Sprintf("%q", s)
		}
	}
}

// describeMessage adds the fields of a message, by their paths. What has a name in
// a list is there by that.
func describeMessage(t *testing.T, encoded []byte, m proto.Message, fields map[string]string) {
	t.Helper()
	require.NoError(t, proto.Unmarshal(encoded, m))
	text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	require.NoError(t, err)
	var parts any
	require.NoError(t, json.Unmarshal(text, &parts))
	var walk func(path string, x any)
	walk = func(path string, x any) {
		switch x := x.(type) {
		case map[string]any:
			for name, part := range x {
				walk(path+" "+name, part)
			}
		case []any:
			for i, part := range x {
				name := fmt.Sprint(i)
				if m, ok := part.(map[string]any); ok && m["name"] != nil {
					name = fmt.Sprint(m["name"])
				}
				walk(path+" "+name, part)
			}
		default:
			fields[path] = fmt.Sprint(x)
		}
	}
	walk("content", parts)
}

// describePicture adds the pixels of a picture, in colours with alpha.
func describePicture(t *testing.T, name string, encoded []byte, fields map[string]string) {
	t.Helper()
	img, format, err := image.Decode(bytes.NewReader(encoded))
	require.NoError(t, err)
	bounds := img.Bounds()
	var pixels []byte
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			pixels = append(pixels, c.R, c.G, c.B, c.A)
		}
	}
	fields[name+" format"] = fmt.Sprint(format, " ", bounds.Dx(), "×", bounds.Dy())
	if format == "png" {
		fields[name+" colour type"] = fmt.Sprint(encoded[25]) // of the header: grey, colours, with alpha
	}
	fields[name+" pixels"] = hex.EncodeToString(pixels)
}

// describeGraph adds the fields of a GraphDef and of its nodes.
func describeGraph(t *testing.T, encoded []byte, fields map[string]string) {
	t.Helper()
	const node, name, op, input, attribute = 1, 1, 2, 3, 5
	for number, content := range wireFields(t, encoded) {
		if number != node {
			fields[fmt.Sprint("graph field ", number)] += fmt.Sprintf("%q", content)
			continue
		}
		of := "node"
		for number, content := range wireFields(t, content) {
			switch number {
			case name:
				for of = "node " + string(content); fields[of+" op"] != ""; of += " again" {
				}
			case op:
				fields[of+" op"] = string(content)
			case input:
				fields[of+" inputs"] += string(content) + " "
			case attribute:
				var entry [2]string
				for number, content := range wireFields(t, content) {
					entry[number-1] = string(content)
				}
				fields[of+" attribute "+entry[0]] = fmt.Sprintf("%q", entry[1])
			default:
				fields[fmt.Sprint(of, " field ", number)] += fmt.Sprintf("%q", content)
			}
		}
	}
}

// wireFields iterates over the fields of a message, what is no bytes as it is
// encoded.
func wireFields(t *testing.T, message []byte) iter.Seq2[protowire.Number, []byte] {
	t.Helper()
	return func(yield func(protowire.Number, []byte) bool) {
		for len(message) > 0 {
			number, kind, n := protowire.ConsumeTag(message)
			require.Positive(t, n)
			size := protowire.ConsumeFieldValue(number, kind, message[n:])
			require.GreaterOrEqual(t, size, 0)
			content := message[n : n+size]
			if kind == protowire.BytesType {
				content, _ = protowire.ConsumeBytes(content)
			}
			if !yield(number, content) {
				return
			}
			message = message[n+size:]
		}
	}
}

// content is the elements of a tensor of numbers as tensor_content has them.
func content(tensor *eventpb.TensorProto) []byte {
	b := slices.Clone(tensor.TensorContent)
	for _, x := range tensor.FloatVal {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	for _, x := range tensor.DoubleVal {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	for _, x := range tensor.Int64Val {
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	}
	for _, x := range tensor.IntVal {
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	}
	for _, x := range tensor.BoolVal {
		if b = append(b, 0); x {
			b[len(b)-1] = 1
		}
	}
	return b
}

// A goldenDifference is where ours is not what the golden is.
type goldenDifference struct{ file, tag, field, theirs, ours string }

// differencesOf compares two files. What has the same tag and step belongs
// together, in order; what is left over, by its order.
func differencesOf(file string, want, got []goldenItem) (all []goldenDifference) {
	partner := make([]int, len(want))
	used := make([]bool, len(got))
	pair := func(fits func(w, g goldenItem) bool) {
		for i := range want {
			for j := 0; partner[i] == 0 && j < len(got); j++ {
				if !used[j] && fits(want[i], got[j]) {
					partner[i], used[j] = j+1, true
				}
			}
		}
	}
	pair(func(w, g goldenItem) bool { return w.tag == g.tag && w.step == g.step })
	pair(func(w, g goldenItem) bool { return w.tag == g.tag })
	pair(func(w, g goldenItem) bool { return sameByAnotherName(w.tag, g.tag) && w.step == g.step })
	for i, w := range want {
		if partner[i] == 0 {
			all = append(all, goldenDifference{file, w.tag, "missing", fmt.Sprint(w.fields), ""})
			continue
		}
		g := got[partner[i]-1]
		if w.tag != g.tag {
			all = append(all, goldenDifference{file, w.tag, "tag", w.tag, g.tag})
		}
		fields := make(map[string]bool)
		for f := range w.fields {
			fields[f] = true
		}
		for f := range g.fields {
			fields[f] = true
		}
		for f := range fields {
			if f == "wall time" && w.fields[f] == "" {
				continue
			}
			if w.fields[f] != g.fields[f] {
				all = append(all, goldenDifference{file, w.tag, f, w.fields[f], g.fields[f]})
			}
		}
	}
	for j, g := range got {
		if !used[j] {
			all = append(all, goldenDifference{file, g.tag, "more", "", fmt.Sprint(g.fields)})
		}
	}
	return all
}

// sameByAnotherName tells of the parts of a mesh, which tensorboardX numbers.
func sameByAnotherName(golden, ours string) bool {
	for number, part := range map[string]string{"_1": "_VERTEX", "_2": "_FACE", "_3": "_COLOR"} {
		if name, ok := strings.CutSuffix(golden, number); ok && name+part == ours {
			return true
		}
	}
	return false
}

// A listedDifference is a line of testdata/differences.tsv: where ours is different
// from a golden, what there is in both, and why. An asterisk stands for anything.
type listedDifference struct {
	line    string
	fields  []*regexp.Regexp // of the file, the tag, the field, theirs and ours
	differs bool
}

func readDifferences(t *testing.T) (list []*listedDifference) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "differences.tsv"))
	require.NoError(t, err)
	head, body, _ := strings.Cut(strings.TrimSuffix(string(content), "\n"), "\n")
	require.Equal(t, "file\ttag\tfield\ttheirs\tours\treason", head)
	for line := range strings.SplitSeq(body, "\n") {
		columns := strings.Split(line, "\t")
		require.Len(t, columns, 6, line)
		require.NotEmpty(t, columns[5], line)
		d := &listedDifference{line: line}
		for _, pattern := range columns[:5] {
			d.fields = append(d.fields, regexp.MustCompile("(?s)^"+strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")+"$"))
		}
		list = append(list, d)
	}
	return list
}

func (d *listedDifference) matches(g goldenDifference) bool {
	for i, text := range []string{g.file, g.tag, g.field, g.theirs, g.ours} {
		if !d.fields[i].MatchString(text) {
			return false
		}
	}
	return true
}
