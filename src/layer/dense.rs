//! [`Dense`]: `activation(x·W + b)`.

use autoencoder_kernels::activation::Activation;

use super::graph::{Attribute, GraphWriter};
use super::kind::{LayerKind, MirrorPlace, Recorded, Slot};
use super::parameter::{Initial, ParameterSpec};
use super::{Described, Layer};
use crate::error::{Error, Result};
use crate::tape::{Shape, Tape, Value};

/// `activation(x·W + b)` with W of `inputs × outputs`. Of a sequence or a picture, each
/// position by itself, with the same W (as Keras' and PyTorch's dense layers do).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dense {
    /// Numbers that come out, at each position.
    pub outputs: usize,
    /// What is applied to each of them.
    pub activation: Activation,
}

impl Dense {
    pub(super) const EXAMPLE: &'static str = "128 or 128:relu";

    /// Reads `128` or `128:relu`.
    pub(super) fn read(text: &str) -> Option<Result<Described>> {
        let (units, activation) = match text.split_once(':') {
            Some((units, activation)) => (units.trim(), Some(activation.trim())),
            None => (text, None),
        };
        let is_number = units.bytes().all(|byte| byte.is_ascii_digit()) && !units.is_empty();
        is_number.then(|| {
            let outputs = match units.parse() {
                Ok(outputs) if outputs > 0 => outputs,
                _ => {
                    return Err(Error::configuration(
                        "the width of a layer",
                        units,
                        "at least 1, and no more than fits in memory",
                    ));
                }
            };
            let given = activation.map(str::parse::<Activation>).transpose()?;
            let layer = Dense {
                outputs,
                activation: given.unwrap_or(Activation::Identity),
            };
            Ok(Described {
                layer: layer.into(),
                has_activation: given.is_some(),
            })
        })
    }
}

/// A dense layer of so many numbers, with the activation of its place.
impl From<usize> for Described {
    fn from(outputs: usize) -> Self {
        let activation = Activation::Identity;
        Described {
            layer: Layer::Dense(Dense {
                outputs,
                activation,
            }),
            has_activation: false,
        }
    }
}

impl LayerKind for Dense {
    fn name(&self) -> String {
        self.outputs.to_string()
    }

    fn output_shape(&self, input: Shape) -> Result<Shape> {
        if self.outputs == 0 {
            return Err(Error::configuration(
                "the width of a layer",
                self.outputs,
                "at least 1",
            ));
        }
        self.activation.check()?;
        Ok(input.with_channels(self.outputs))
    }

    fn parameters(&self, input: Shape) -> Vec<ParameterSpec> {
        vec![
            ParameterSpec::weight(input.channels(), self.outputs),
            ParameterSpec::vector("bias", self.outputs, Initial::Zeros),
        ]
    }

    fn activation(&self) -> Option<Activation> {
        Some(self.activation)
    }

    fn with_activation(&self, activation: Activation) -> Layer {
        Layer::Dense(Dense {
            activation,
            ..*self
        })
    }

    fn record(&self, tape: &mut Tape, x: Value, slots: &[Slot]) -> Result<Recorded> {
        let (weight, bias) = (&slots[0], &slots[1]);
        let product = match weight.transposed {
            true => tape.matmul_transposed(x, weight.parameter)?,
            false => tape.matmul(x, weight.parameter)?,
        };
        let sum = tape.add_bias(product, bias.parameter)?;
        Ok(Recorded {
            pre_activation: sum,
            output: tape.activation(sum, self.activation)?,
        })
    }

    fn mirror(&self, input: Shape, _: MirrorPlace) -> Option<Layer> {
        Some(Layer::Dense(Dense {
            outputs: input.channels(),
            activation: self.activation,
        }))
    }

    fn flops(&self, input: Shape) -> u64 {
        let (inputs, outputs) = (input.channels() as u64, self.outputs as u64);
        input.positions() as u64 * (2 * inputs * outputs + outputs)
    }

    fn export(
        &self,
        shape: Shape,
        slots: &[Slot<String>],
        input: &str,
        output: &str,
        graph: &mut dyn GraphWriter,
    ) {
        let (weight, bias) = (&slots[0], &slots[1]);
        // Where there is no activation, the sum has the name itself.
        let sum = match self.activation {
            Activation::Identity => output.to_owned(),
            _ => format!("{output}.sum"),
        };
        if shape.positions() == 1 {
            // A tensor is the transpose of the matrix in memory.
            let transposed: &[_] = match weight.transposed {
                true => &[],
                false => &[("transB", Attribute::Int(1))],
            };
            let inputs = [input, &weight.parameter, &bias.parameter];
            graph.node("Gemm", &inputs, &sum, transposed);
        } else {
            let matrix = match weight.transposed {
                true => weight.parameter.clone(),
                false => {
                    let matrix = format!("{output}.weight");
                    let swap = [("perm", Attribute::Ints(&[1, 0]))];
                    graph.node("Transpose", &[&weight.parameter], &matrix, &swap);
                    matrix
                }
            };
            let product = format!("{output}.product");
            graph.node("MatMul", &[input, &matrix], &product, &[]);
            graph.node("Add", &[&product, &bias.parameter], &sum, &[]);
        }
        graph.activation(self.activation, &sum, output);
    }
}
