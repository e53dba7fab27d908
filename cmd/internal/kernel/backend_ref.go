package kernel

// The reference inner loops. They are what every platform without assembly
// runs, so they are blocked for the registers of a scalar machine.
//
// x*y+z is left to the compiler: on amd64 it rounds twice, on arm64 and others
// it becomes a fused multiply-add, as in the assembly. Where a result must be
// the same everywhere, a conversion forbids fusing.

// goBackend is the reference.
func goBackend() *backend {
	return &backend{
		name:              "go",
		gemm:              gemmRef,
		depthwise:         depthwiseRef,
		spmm:              spmmRef,
		compactWindows:    compactWindowsRef,
		compactChannels:   compactChannelsRef,
		poolRow:           poolRowRef,
		biasRow:           biasRowRef,
		rmsprop:           rmspropRef,
		scale:             scaleRef,
		relu:              reluRef,
		winogradInput:     winogradInputRef,
		winogradOutput:    winogradOutputRef,
		winogradWeights:   winogradWeightsRef,
		clip:              clipRef,
		reluGrad:          reluGradRef,
		clipGrad:          clipGradRef,
		add:               addRef,
		adam:              adamRef,
		ema:               emaRef,
		sumAndDot:         sumAndDotRef,
		normalize:         normalizeRef,
		normalizeBackward: normalizeBackwardRef,
		addReLU:           addReLURef,
		transpose:         transposeRef,
		unary:             unaryRef,
		binary:            binaryRef,
		scaleBytes:        scaleBytesRef,
		pool:              poolRef,
		largest:           largestRef,
		total:             totalRef,
		squares:           squaresRef,
		addScalar:         addScalarRef,
		divScalar:         divScalarRef,
		layerNorm:         layerNormRef,
		tiles64:           tiles64Ref,
		standardize64:     standardize64Ref,
	}
}
