package kernel

// EMA moves an exponential moving average of weights (Polyak and Juditsky,
// "Acceleration of stochastic approximation by averaging", 1992, with a window
// that forgets) towards w:
//
//	avg = avg + (1-decay)*(w-avg)
//
// Every step is rounded to float32 without fused operations: all backends and
// platforms give the same bits.
func EMA(ws *Workers, avg, w []float32, decay float64) {
	mustLen("w", w, len(avg))
	ws.elementwise(elementJob{kind: elementEMA, dst: avg, a: w, factor: float32(1 - decay)})
}

// emaRef is EMA. The conversions forbid fused multiply-adds.
func emaRef(avg, w []float32, oneMinusDecay float32) {
	w = w[:len(avg)]
	for i, v := range w {
		avg[i] += float32(oneMinusDecay * (v - avg[i]))
	}
}
