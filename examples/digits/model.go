package main

import (
	"context"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/session/graph"
)

// What hooks and summaries fetch by name.
const (
	lossName          = "loss"
	accuracyName      = "accuracy"
	rateName          = "learning_rate"
	activationsName   = "hidden/activations"
	testLossName      = "test/loss"
	testAccuracyName  = "test/accuracy"
	misclassifiedName = "test/misclassified"
)

// paramNames are the variables that are trained, in the order of params.
var paramNames = []string{"hidden/weights", "hidden/bias", "output/weights", "output/bias"}

// buildGraph makes the training graph: a variable or a function a name. What no
// hook and no caller fetches in a run, and nothing fetched needs, is not
// computed in it.
func buildGraph(train *batches, test examples, o options) *graph.Graph {
	g := graph.New()
	g.CreateGlobalStep()
	addVariables(g, o.seed)
	addTraining(g, train, o.steps)
	addTest(g, test)
	return g
}

func addVariables(g *graph.Graph, seed uint64) {
	shapes := [][]int{{pixels, hiddenUnits}, {hiddenUnits}, {hiddenUnits, classes}, {classes}}
	weights, velocities := initParams(seed).tensors(), zeroParams().tensors()
	for i, name := range paramNames {
		g.Variable(name, func() session.Value { return session.TensorOf(weights[i], shapes[i]...) })
		g.Variable(velocityName(name), func() session.Value { return session.TensorOf(velocities[i], shapes[i]...) })
	}
}

// velocityName is the variable in which momentum keeps the velocity of another.
func velocityName(param string) string { return "momentum/" + param }

// addTraining adds a training step: batch, forward pass, gradients, update.
func addTraining(g *graph.Graph, train *batches, steps int64) {
	act, grad := newActivations(batchSize), zeroParams()

	g.Node("batch", func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Any(train.at(arg[int64](in[0]))), nil
	}, session.GlobalStepName)

	g.Node("forward", func(_ context.Context, in []session.Value) (session.Value, error) {
		forward(paramsOf(in[1:]), arg[examples](in[0]).images, act)
		return session.Any(act), nil
	}, append([]string{"batch"}, paramNames...)...)

	g.Node(lossName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Float32(meanLoss(arg[*activations](in[0]), arg[examples](in[1]).labels)), nil
	}, "forward", "batch")

	g.Node(accuracyName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Float32(accuracy(arg[*activations](in[0]), arg[examples](in[1]).labels)), nil
	}, "forward", "batch")

	g.Node(activationsName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.TensorOf(arg[*activations](in[0]).hidden, batchSize, hiddenUnits), nil
	}, "forward")

	g.Node("gradients", func(_ context.Context, in []session.Value) (session.Value, error) {
		backward(paramsOf(in[2:]), arg[examples](in[1]), arg[*activations](in[0]), grad)
		return session.Any(grad), nil
	}, append([]string{"forward", "batch"}, paramNames...)...)

	g.Node(rateName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Float32(learningRate(arg[int64](in[0]), steps, peakRate)), nil
	}, session.GlobalStepName)

	g.Update("update", func(_ context.Context, in []session.Value) error {
		gradients, rate := arg[params](in[0]).tensors(), arg[float32](in[1])
		for i, variables := 0, in[2:]; i < len(paramNames); i++ {
			param, velocity := arg[[]float32](variables[2*i]), arg[[]float32](variables[2*i+1])
			applyMomentum(param, gradients[i], velocity, rate, momentum)
		}
		return nil
	}, append([]string{"gradients", rateName}, trainedNames()...)...)

	g.Train(session.TrainOp, "update")
}

// trainedNames are the variables that an update changes: each parameter with
// its velocity.
func trainedNames() []string {
	var names []string
	for _, name := range paramNames {
		names = append(names, name, velocityName(name))
	}
	return names
}

// addTest adds the evaluation on the test images. It is computed once in a run
// that fetches any of its parts.
func addTest(g *graph.Graph, test examples) {
	act := newActivations(batchSize)

	g.Node("test/evaluation", func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Any(evaluate(paramsOf(in), test, act)), nil
	}, paramNames...)

	g.Node(testLossName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Float32(arg[evaluation](in[0]).loss), nil
	}, "test/evaluation")

	g.Node(testAccuracyName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Float32(arg[evaluation](in[0]).accuracy), nil
	}, "test/evaluation")

	g.Node(misclassifiedName, func(_ context.Context, in []session.Value) (session.Value, error) {
		return session.Any(drawMisclassified(test, arg[evaluation](in[0]).predictions)), nil
	}, "test/evaluation")
}

// paramsOf returns the values of the variables paramNames, which share memory
// with them.
func paramsOf(in []session.Value) params {
	return params{
		hiddenWeights: arg[[]float32](in[0]),
		hiddenBias:    arg[[]float32](in[1]),
		outputWeights: arg[[]float32](in[2]),
		outputBias:    arg[[]float32](in[3]),
	}
}

// arg returns an input of a node. The names above fix its type.
func arg[T any](v session.Value) T {
	t, _ := session.As[T](v)
	return t
}
