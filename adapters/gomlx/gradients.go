package gomlx

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/train"
	"github.com/gomlx/gomlx/ml/train/optimizer"
)

// gradientsScope is where the gradients are that are watched.
const gradientsScope = "/gradients"

// gradientPath is the variable with the gradient of the one at path.
func gradientPath(path string) string { return gradientsScope + path }

// watchedBy returns the path of the variable whose gradient v is.
func watchedBy(v *model.Variable) (path string, ok bool) {
	path, ok = strings.CutPrefix(v.Path(), gradientsScope)
	return path, ok && strings.HasPrefix(path, model.ScopeSeparator)
}

// A watchingOptimizer keeps the gradients in variables before they are used.
type watchingOptimizer struct {
	optimizer.Interface
	apply train.OptimizeWithGradients
}

var _ train.OptimizeWithGradients = watchingOptimizer{}

// WatchGradients returns an optimizer that does the same and makes the gradient of
// each variable known, as "grad:" and the variable's path. A trainer can use it
// in place of o. GoMLX keeps what a step has computed only in variables: there is
// one more for each gradient, in the scope "/gradients". They are in no
// checkpoint of ours.
//
// o has to be one that takes gradients, as the trainer's AccumulateGradients
// wants it: those of package optimizer are.
func WatchGradients(o optimizer.Interface) (optimizer.Interface, error) {
	apply, ok := o.(train.OptimizeWithGradients)
	if !ok {
		return nil, fmt.Errorf("gomlx: WatchGradients: optimizer %T takes no gradients (UpdateGraphWithGradients)", o)
	}
	return watchingOptimizer{o, apply}, nil
}

// UpdateGraph builds the graph of the update.
func (o watchingOptimizer) UpdateGraph(scope *model.Scope, _ *graph.Graph, loss *graph.Node) {
	o.UpdateGraphWithGradients(scope, scope.BuildTrainableVariablesGradientsGraph(loss), loss.DType())
}

// UpdateGraphWithGradients builds the graph of the update by these gradients.
func (o watchingOptimizer) UpdateGraphWithGradients(scope *model.Scope, gradients []*graph.Node, lossDType dtypes.DType) {
	i := 0
	for v := range scope.IterVariables() { // in the order of the gradients
		if i < len(gradients) && v.Trainable && v.InUseByGraph(gradients[i].Graph()) {
			scope.Store().VariableWithNodeValue(gradientPath(v.Path()), gradients[i]).SetTrainable(false)
			i++
		}
	}
	o.apply.UpdateGraphWithGradients(scope, gradients, lossDType)
}
