/**
 * onnx: a model as data in the words of ONNX. One file per layer family in layers/, one table in index.ts. Knows configs, weights and the
 * calls that a trace finds; knows nothing of tf.js, of files or of Protocol Buffers.
 * This file: the messages of onnx.proto (onnx/onnx on GitHub, IR version 8) that a model needs, as protobufjs reads a schema.
 */

type Field = { readonly type: string; readonly id: number; readonly rule?: 'repeated' };

const one = (type: string, id: number): Field => ({ type, id });
const many = (type: string, id: number): Field => ({ type, id, rule: 'repeated' });
/** Of the edition of onnx.proto, in which zeros are written too. */
const message = (fields: Readonly<Record<string, Field>>) => ({ edition: 'proto2', fields });

export const SCHEMA = {
  nested: {
    onnx: {
      nested: {
        ModelProto: message({
          irVersion: one('int64', 1),
          producerName: one('string', 2),
          producerVersion: one('string', 3),
          graph: one('GraphProto', 7),
          opsetImport: many('OperatorSetIdProto', 8),
        }),
        OperatorSetIdProto: message({ domain: one('string', 1), version: one('int64', 2) }),
        GraphProto: message({
          node: many('NodeProto', 1),
          name: one('string', 2),
          initializer: many('TensorProto', 5),
          input: many('ValueInfoProto', 11),
          output: many('ValueInfoProto', 12),
        }),
        NodeProto: message({
          input: many('string', 1),
          output: many('string', 2),
          name: one('string', 3),
          opType: one('string', 4),
          attribute: many('AttributeProto', 5),
        }),
        AttributeProto: message({
          name: one('string', 1),
          f: one('float', 2),
          i: one('int64', 3),
          s: one('bytes', 4),
          g: one('GraphProto', 6),
          floats: many('float', 7),
          ints: many('int64', 8),
          strings: many('bytes', 9),
          type: one('int32', 20),
        }),
        TensorProto: message({
          dims: many('int64', 1),
          dataType: one('int32', 2),
          name: one('string', 8),
          rawData: one('bytes', 9),
        }),
        ValueInfoProto: message({ name: one('string', 1), type: one('TypeProto', 2) }),
        TypeProto: message({ tensorType: one('TensorTypeProto', 1) }),
        TensorTypeProto: message({ elemType: one('int32', 1), shape: one('TensorShapeProto', 2) }),
        TensorShapeProto: message({ dim: many('DimensionProto', 1) }),
        DimensionProto: message({ dimValue: one('int64', 1), dimParam: one('string', 2) }),
      },
    },
  },
} as const;
