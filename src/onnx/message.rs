//! The messages of ONNX's protobuf that a model of dense layers takes, with the
//! names and numbers of their fields in
//! <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use prost::bytes::{Buf, BufMut};
use prost::encoding::{self, DecodeContext, WireType};
use prost::{DecodeError, Message};

/// The number of the type `float` of a tensor.
pub(super) const FLOAT: i32 = 1;
/// The numbers of the types of an attribute.
const ATTRIBUTE_FLOAT: i32 = 1;
const ATTRIBUTE_INT: i32 = 2;
const ATTRIBUTE_STRING: i32 = 3;
const ATTRIBUTE_INTS: i32 = 7;

/// Messages with the numbers, types and labels of their fields, as in onnx.proto. This
/// is what prost's own derive would write, whose compilation costs more than all of
/// this folder.
macro_rules! messages {
    ($(
        $(#[$about:meta])*
        struct $name:ident {
            $($(#[$note:meta])* $tag:literal $label:ident $kind:ident $field:ident: $type:ty,)*
        }
    )*) => {$(
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(super) struct $name {
            $($(#[$note])* pub(super) $field: $type,)*
        }

        impl Message for $name {
            fn encode_raw(&self, buffer: &mut impl BufMut) {
                $(messages!(encode $label $kind $tag, &self.$field, buffer);)*
            }

            fn merge_field(
                &mut self,
                tag: u32,
                wire_type: WireType,
                buffer: &mut impl Buf,
                context: DecodeContext,
            ) -> Result<(), DecodeError> {
                match tag {
                    $($tag => messages!(
                        merge $label $kind wire_type, &mut self.$field, buffer, context
                    ),)*
                    _ => encoding::skip_field(wire_type, tag, buffer, context),
                }
            }

            fn encoded_len(&self) -> usize {
                0 $(+ messages!(length $label $kind $tag, &self.$field))*
            }

            fn clear(&mut self) {
                *self = Self::default();
            }
        }
    )*};
    // A field that is left out where it has the value that readers take then.
    (encode single $kind:ident $tag:literal, $field:expr, $buffer:expr) => {
        if is_given($field) {
            encoding::$kind::encode($tag, $field, $buffer);
        }
    };
    (encode optional $kind:ident $tag:literal, $field:expr, $buffer:expr) => {
        if let Some(value) = $field {
            encoding::$kind::encode($tag, value, $buffer);
        }
    };
    (encode repeated $kind:ident $tag:literal, $field:expr, $buffer:expr) => {
        encoding::$kind::encode_repeated($tag, $field, $buffer)
    };
    (encode packed $kind:ident $tag:literal, $field:expr, $buffer:expr) => {
        encoding::$kind::encode_packed($tag, $field, $buffer)
    };
    (merge single $kind:ident $wire:expr, $field:expr, $buffer:expr, $context:expr) => {
        encoding::$kind::merge($wire, $field, $buffer, $context)
    };
    (merge optional $kind:ident $wire:expr, $field:expr, $buffer:expr, $context:expr) => {
        encoding::$kind::merge($wire, $field.get_or_insert_default(), $buffer, $context)
    };
    (merge $many:ident $kind:ident $wire:expr, $field:expr, $buffer:expr, $context:expr) => {
        encoding::$kind::merge_repeated($wire, $field, $buffer, $context)
    };
    (length single $kind:ident $tag:literal, $field:expr) => {
        if is_given($field) {
            encoding::$kind::encoded_len($tag, $field)
        } else {
            0
        }
    };
    (length optional $kind:ident $tag:literal, $field:expr) => {
        $field.as_ref().map_or(0, |value| encoding::$kind::encoded_len($tag, value))
    };
    (length repeated $kind:ident $tag:literal, $field:expr) => {
        encoding::$kind::encoded_len_repeated($tag, $field)
    };
    (length packed $kind:ident $tag:literal, $field:expr) => {
        encoding::$kind::encoded_len_packed($tag, $field)
    };
}

/// Whether a field has another value than readers take where it is left out.
fn is_given<T: Default + PartialEq>(field: &T) -> bool {
    *field != T::default()
}

messages! {
    struct ModelProto {
        1 single int64 ir_version: i64,
        2 single string producer_name: String,
        3 single string producer_version: String,
        7 optional message graph: Option<GraphProto>,
        8 repeated message opset_import: Vec<OperatorSet>,
    }

    struct OperatorSet {
        1 single string domain: String,
        2 single int64 version: i64,
    }

    struct GraphProto {
        1 repeated message node: Vec<Node>,
        2 single string name: String,
        5 repeated message initializer: Vec<Tensor>,
        11 repeated message input: Vec<ValueInfo>,
        12 repeated message output: Vec<ValueInfo>,
    }

    struct Node {
        1 repeated string input: Vec<String>,
        2 repeated string output: Vec<String>,
        3 single string name: String,
        4 single string op_type: String,
        5 repeated message attribute: Vec<Attribute>,
    }

    struct Attribute {
        1 single string name: String,
        2 optional float f: Option<f32>,
        3 optional int64 i: Option<i64>,
        4 optional bytes s: Option<Vec<u8>>,
        8 repeated int64 ints: Vec<i64>,
        20 single int32 r#type: i32,
    }

    struct Tensor {
        1 packed int64 dims: Vec<i64>,
        2 single int32 data_type: i32,
        8 single string name: String,
        /// Little-endian, the last index running fastest.
        9 single bytes raw_data: Vec<u8>,
    }

    struct ValueInfo {
        1 single string name: String,
        2 optional message r#type: Option<Type>,
    }

    struct Type {
        1 optional message tensor_type: Option<TensorType>,
    }

    struct TensorType {
        1 single int32 elem_type: i32,
        2 optional message shape: Option<TensorShape>,
    }

    struct TensorShape {
        1 repeated message dim: Vec<Dimension>,
    }

    struct Dimension {
        1 optional int64 dim_value: Option<i64>,
        2 optional string dim_param: Option<String>,
    }
}

impl Attribute {
    pub(super) fn float(name: &str, f: f32) -> Self {
        Attribute {
            name: name.into(),
            f: Some(f),
            r#type: ATTRIBUTE_FLOAT,
            ..Attribute::default()
        }
    }

    pub(super) fn int(name: &str, i: i64) -> Self {
        Attribute {
            name: name.into(),
            i: Some(i),
            r#type: ATTRIBUTE_INT,
            ..Attribute::default()
        }
    }

    pub(super) fn ints(name: &str, ints: &[i64]) -> Self {
        Attribute {
            name: name.into(),
            ints: ints.to_vec(),
            r#type: ATTRIBUTE_INTS,
            ..Attribute::default()
        }
    }

    pub(super) fn string(name: &str, s: &str) -> Self {
        Attribute {
            name: name.into(),
            s: Some(s.into()),
            r#type: ATTRIBUTE_STRING,
            ..Attribute::default()
        }
    }
}
