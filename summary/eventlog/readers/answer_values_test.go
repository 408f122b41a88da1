package readers_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
)

// valueDifference compares one value with its recorded form.
func valueDifference(plugin string, have, want any) string {
	if want == nil {
		return ""
	}
	switch v := have.(type) {
	case string:
		if _, ok := want.(string); !ok {
			return fmt.Sprintf("%q, recorded %v", v, want)
		}
		return ""
	case float64:
		if list, ok := want.(map[string]any); ok { // as EventAccumulator's tensor
			return numbersDiffer([]float64{v}, list["data"])
		}
		return numberDiffers(v, want)
	case *eventpb.HistogramProto:
		w := want.(map[string]any)
		return first(numberDiffers(v.GetNum(), w["total"]), numberDiffers(v.GetMin(), w["min"]), numberDiffers(v.GetMax(), w["max"]),
			numberDiffers(float64(len(v.GetBucket())), w["buckets"]))
	case *eventpb.Summary_Image:
		return blobsDiffer([]readers.Blob{{Data: v.GetEncodedImageString()}}, want)
	case *eventpb.Summary_Audio:
		return blobsDiffer([]readers.Blob{{Data: v.GetEncodedAudioString()}}, want)
	case []readers.Blob:
		return blobsDiffer(v, want)
	case error:
		if w, ok := want.(map[string]any); !ok || w["error"] == nil {
			return fmt.Sprintf("value is %v, recorded %v", v, want)
		}
		return ""
	case *readers.Tensor:
		return tensorDiffers(plugin, v, want)
	}
	return fmt.Sprintf("value of type %T", have)
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// numberDiffers compares with a number of the recording, whose sums are made in
// another order.
func numberDiffers(have float64, want any) string {
	same := false
	switch w := want.(type) {
	case json.Number:
		f, err := w.Float64()
		same = err == nil && (have == f || math.Abs(have-f) <= 1e-6*math.Abs(f))
	case string:
		same = w == map[bool]string{true: "NaN"}[math.IsNaN(have)] || w == map[bool]string{true: "Infinity"}[math.IsInf(have, 1)] ||
			w == map[bool]string{true: "-Infinity"}[math.IsInf(have, -1)]
	}
	if same {
		return ""
	}
	return fmt.Sprintf("%v, recorded %v", have, want)
}

func numbersDiffer(have []float64, want any) string {
	list, ok := want.([]any)
	if !ok || len(list) != len(have) {
		return fmt.Sprintf("%v, recorded %v", have, want)
	}
	for i, f := range have {
		if d := numberDiffers(f, list[i]); d != "" {
			return d
		}
	}
	return ""
}

func blobsDiffer(have []readers.Blob, want any) string {
	list, ok := want.([]any)
	if !ok || len(list) != len(have) {
		return fmt.Sprintf("%d blobs, recorded %v", len(have), want)
	}
	for i, b := range have {
		w := list[i].(map[string]any)
		if b.Err != nil {
			// Some answers are no error, but nothing of the file either.
			if w["http"] == nil && !strings.Contains(b.Err.Error(), "want rank 1") {
				return fmt.Sprintf("blob %d: %v, recorded %v", i, b.Err, w)
			}
			continue
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(b.Data))[:16]
		if fmt.Sprint(w["bytes"]) != fmt.Sprint(len(b.Data)) || w["sha"] != sum {
			return fmt.Sprintf("blob %d of %d bytes, recorded %v", i, len(b.Data), w)
		}
	}
	return ""
}

func tensorDiffers(plugin string, a *readers.Tensor, want any) string {
	if html, ok := want.(string); ok && plugin == "text" && html != "other" {
		return textDiffers(a, html)
	}
	if plugin == "scalars" && a.Len() == 1 {
		for f := range a.Floats() {
			return numberDiffers(f, want)
		}
		return ""
	}
	if list, ok := want.([]any); ok { // images and clips, which a script finds in a tensor
		var blobs []readers.Blob
		all := slices.Collect(a.Strings())
		switch shape := a.Shape(); {
		case plugin == "images":
			all = all[min(2, len(all)):]
		case len(shape) == 2 && shape[1] == 2:
			for i := range len(all) / 2 {
				all[i] = all[2*i]
			}
			all = all[:(len(all)+1)/2]
		}
		for _, b := range all {
			blobs = append(blobs, readers.Blob{Data: b})
		}
		return blobsDiffer(blobs, list)
	}
	if want == "other" { // what the recording had no form for
		return ""
	}
	w, ok := want.(map[string]any)
	if !ok {
		return fmt.Sprintf("a tensor, recorded %v", want)
	}
	if rows, ok := w["rows"]; ok {
		return rowsDiffer(a, rows, w["total"])
	}
	if s, ok := w["shape"]; ok && fmt.Sprint(s) != fmt.Sprint(a.Shape()) {
		return fmt.Sprintf("shape is %v, recorded %v", a.Shape(), s)
	}
	if data, ok := w["data"]; ok && a.Numeric() {
		return numbersDiffer(slices.Collect(a.Floats()), data)
	}
	if sum, ok := w["sha"]; ok && a.DType() == eventpb.DataType_STRING {
		var all []string
		for s := range a.Strings() {
			all = append(all, string(s))
		}
		if have := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, "\x00"))))[:16]; have != sum {
			return fmt.Sprintf("strings %q, recorded %v", all, w)
		}
	}
	return ""
}

func rowsDiffer(a *readers.Tensor, rows, total any) string {
	list, ok := rows.([]any)
	if !ok {
		return "" // shortened
	}
	var want []any
	for _, row := range list {
		want = append(want, row.([]any)...)
	}
	have := slices.Collect(a.Floats())
	sum := 0.0
	if shape := a.Shape(); len(shape) == 2 {
		for i := 2; i < len(have); i += int(shape[1]) {
			sum += have[i]
		}
	}
	if len(want) == 0 && len(have) == 0 {
		return ""
	}
	return first(numbersDiffer(have, want), numberDiffers(sum, total))
}

// textDiffers compares text of one paragraph with its HTML. Tables are compared
// by the number of their cells.
func textDiffers(a *readers.Tensor, html string) string {
	if len(a.Shape()) > 0 {
		if n := int64(strings.Count(html, "<td>")); len(a.Shape()) < 3 && n != a.Len() {
			return fmt.Sprintf("%d cells, recorded %d", a.Len(), n)
		}
		return ""
	}
	for s := range a.Strings() {
		text := strings.ReplaceAll(string(s), "*hi*", "<em>hi</em>")
		if text != "" {
			text = "<p>" + text + "</p>"
		}
		if text != html {
			return fmt.Sprintf("text %q, recorded %q", s, html)
		}
	}
	return ""
}
