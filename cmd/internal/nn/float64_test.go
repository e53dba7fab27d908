package nn

import (
	"math"
	"slices"

	"github.com/opensandwich/oi/cmd/internal/kernel"
	"github.com/opensandwich/oi/cmd/internal/model"
	"github.com/opensandwich/oi/cmd/internal/rng"
)

// lossOf64 computes the mean loss of a batch from the definitions of the
// layers, in float64, without sharing anything with the code under test except
// the choice of what dropout drops.
func lossOf64(net *model.Network, params [][]float64, images [][]byte, labels []int, weights []float64, answers, hints [][]float32, state trainingState) float64 {
	var sum float64
	counted := 0
	for n, image := range images {
		z, features := logits64(net, params, image, n, len(images), state.seed, state.step)
		if weights[n] != 0 {
			counted++
		}
		hard := weights[n] * (1 - state.teacher.Share)
		sum += hard * (1 - state.smoothing) * crossEntropy64(z, labels[n])
		for label := range net.Classes {
			sum += hard * state.smoothing / float64(len(net.Classes)) * crossEntropy64(z, label)
		}
		if state.teacher.Share > 0 {
			sum += weights[n] * state.teacher.Share * distillation64(z, answers[n], state.teacher.Temperature)
		}
		if state.teacher.FeatureShare > 0 {
			sum += weights[n] * state.teacher.FeatureShare * features64(features, params[len(net.Params):], hints[n], state.teacher.Features)
		}
	}
	return sum / float64(counted)
}

// features64 is the mean square of the distance of projected features from those
// of a teacher, which are divided by the root of their mean square.
func features64(x map64, projection [][]float64, hints []float32, to model.FeatureMap) float64 {
	var square, sum float64
	for _, v := range hints {
		square += float64(v) * float64(v) / float64(len(hints))
	}
	weight, bias := projection[len(projection)-2], projection[len(projection)-1]
	kh, kw := x.Height/to.Height, x.Width/to.Width
	for i, hint := range hints {
		row, col, channel := i/to.Channels/to.Width, i/to.Channels%to.Width, i%to.Channels
		v := bias[channel]
		for dy := range kh {
			for dx := range kw {
				for c := range x.Channels {
					v += x.data[((row*kh+dy)*x.Width+col*kw+dx)*x.Channels+c] / float64(kh*kw) * weight[c*to.Channels+channel]
				}
			}
		}
		sum += math.Pow(v-float64(hint)/math.Sqrt(square), 2) / float64(len(hints))
	}
	return sum
}

// map64 are features.
type map64 struct {
	model.FeatureMap
	data []float64
}

// distillation64 is the squared temperature times KL(p || q).
func distillation64(z []float64, answer []float32, temperature float64) float64 {
	if len(z) == 1 {
		z = []float64{0, z[0]}
	}
	var all, divergence float64
	soft := make([]float64, len(z))
	for c, v := range z {
		z[c] = v / temperature
		soft[c] = math.Pow(float64(answer[c]), 1/temperature)
		all += soft[c]
	}
	for c, v := range soft {
		divergence += v / all * (math.Log(v/all) + crossEntropy64(z, c))
	}
	return temperature * temperature * divergence
}

func crossEntropy64(z []float64, label int) float64 {
	if len(z) == 1 {
		p := 1 / (1 + math.Exp(-z[0]))
		if label == 0 {
			p = 1 - p
		}
		return -math.Log(p)
	}
	var sum float64
	for _, v := range z {
		sum += math.Exp(v)
	}
	return math.Log(sum) - z[label]
}

// logits64 runs picture n of a batch through the network; step 0 means
// inference. What the last mean was of are the features.
func logits64(net *model.Network, params [][]float64, image []byte, n, batch int, seed, step uint64) (z []float64, features map64) {
	h, w, c := net.Height, net.Width, net.Channels
	x := make([]float64, len(image))
	for i, v := range image {
		x[i] = float64(v) * float64(model.PixelScale)
	}
	outputs := [][]float64{x}
	for i, layer := range net.Layers {
		x = slices.Clone(x)
		switch layer.Kind {
		case model.Conv:
			k, out := layer.Kernel, layer.Out
			oh, ow := (h+2*layer.Pad-k)/layer.Stride+1, (w+2*layer.Pad-k)/layer.Stride+1
			y := make([]float64, oh*ow*out)
			for r := range oh {
				for q := range ow {
					for o := range out {
						v := params[1][o]
						for ky := range k {
							for kx := range k {
								py, px := r*layer.Stride+ky-layer.Pad, q*layer.Stride+kx-layer.Pad
								if py < 0 || px < 0 || py >= h || px >= w {
									continue
								}
								for ci := range c {
									v += x[(py*w+px)*c+ci] * params[0][((ky*k+kx)*c+ci)*out+o]
								}
							}
						}
						y[(r*ow+q)*out+o] = v
					}
				}
			}
			params = params[2:]
			x, h, w, c = y, oh, ow, out
		case model.ReLU:
			for j, v := range x {
				x[j] = max(v, 0)
			}
		case model.MaxPool2:
			y := make([]float64, (h/2)*(w/2)*c)
			for r := range h / 2 {
				for q := range w / 2 {
					for ci := range c {
						at := func(dy, dx int) float64 { return x[((2*r+dy)*w+2*q+dx)*c+ci] }
						y[(r*(w/2)+q)*c+ci] = max(at(0, 0), at(0, 1), at(1, 0), at(1, 1))
					}
				}
			}
			x, h, w = y, h/2, w/2
		case model.Dense:
			y := make([]float64, layer.Out)
			for o := range y {
				y[o] = params[1][o]
				for j, v := range x {
					y[o] += v * params[0][j*layer.Out+o]
				}
			}
			params = params[2:]
			x = y
		case model.Dropout:
			if step > 0 {
				mask := make([]float32, batch*len(x))
				kernel.DropoutMask(mask, layer.Rate, rng.At(seed, uint64(i)+1), step)
				for j := range x {
					x[j] *= float64(mask[n*len(x)+j])
				}
			}
		case model.Add:
			for j, v := range outputs[layer.From] {
				x[j] += v
			}
		case model.AvgPool:
			features = map64{model.FeatureMap{Height: h, Width: w, Channels: c}, x}
			y := make([]float64, c)
			for j, v := range x {
				y[j%c] += v / float64(h*w)
			}
			x = y
		}
		outputs = append(outputs, x)
	}
	return x, features
}

// fold64 works the gains into the convolutions, from the definition; what
// projects features comes last.
func fold64(w *weights, values [][]float64) [][]float64 {
	folded := slices.Clone(values[:len(w.net.Params)])
	for i, gain := range w.gainOf {
		out := len(values[gain])
		fanIn := len(values[i]) / out
		v := slices.Clone(values[i])
		for o := range out {
			var mean, variance float64
			for k := range fanIn {
				mean += v[k*out+o] / float64(fanIn)
			}
			for k := range fanIn {
				variance += math.Pow(v[k*out+o]-mean, 2) / float64(fanIn)
			}
			for k := range fanIn {
				v[k*out+o] = values[gain][o] * math.Sqrt2 * (v[k*out+o] - mean) / math.Sqrt(variance*float64(fanIn)+1e-4)
			}
		}
		folded[i] = v
	}
	if w.features != (model.FeatureMap{}) {
		folded = append(folded, values[len(values)-2:]...)
	}
	return folded
}

func params64(of []model.Param) [][]float64 {
	params := make([][]float64, len(of))
	for i, p := range of {
		for _, v := range p.Data {
			params[i] = append(params[i], float64(v))
		}
	}
	return params
}
