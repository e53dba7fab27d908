package onnxproto

// Field numbers of the messages, from onnx.proto of ONNX 1.16.
const (
	ModelIRVersion       = 1
	ModelProducer        = 2
	ModelProducerVersion = 3
	ModelDoc             = 6
	ModelGraph           = 7
	ModelOpset           = 8
	ModelMetadata        = 14

	OpsetDomain  = 1
	OpsetVersion = 2

	EntryKey   = 1
	EntryValue = 2

	GraphNode              = 1
	GraphName              = 2
	GraphInitializer       = 5
	GraphInput             = 11
	GraphOutput            = 12
	GraphValueInfo         = 13
	GraphSparseInitializer = 15

	NodeInput     = 1
	NodeOutput    = 2
	NodeName      = 3
	NodeOpType    = 4
	NodeAttribute = 5
	NodeDomain    = 7

	AttributeName   = 1
	AttributeFloat  = 2
	AttributeInt    = 3
	AttributeString = 4
	AttributeTensor = 5
	AttributeFloats = 7
	AttributeInts   = 8
	AttributeType   = 20
	AttributeRef    = 21

	TensorDims         = 1
	TensorDataType     = 2
	TensorSegment      = 3
	TensorFloatData    = 4
	TensorInt32Data    = 5
	TensorStringData   = 6
	TensorInt64Data    = 7
	TensorName         = 8
	TensorRawData      = 9
	TensorDoubleData   = 10
	TensorUint64Data   = 11
	TensorExternalData = 13
	TensorDataLocation = 14

	ValueInfoName = 1
	ValueInfoType = 2
	TypeElem      = 1
	TypeTensor    = 1
	TypeShape     = 2
	ShapeDim      = 1
	DimValue      = 1
	DimParam      = 2
)
