//! [`Description`]: layers as a text.

use std::fmt;
use std::str::FromStr;

use super::Layer;
use crate::error::{Error, Result};
use crate::tape::Shape;

/// A layer as a text names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Described {
    /// The layer.
    pub layer: Layer,
    /// Whether the text names an activation. If it does not, that of the layer stands
    /// for the default of its place, such as relu for hidden layers.
    pub has_activation: bool,
}

/// An encoder or a decoder as a text: the shape of what goes in, and the layers. See the
/// [module](super) for the grammar.
///
/// ```
/// use autoencoder::layer::Description;
///
/// let net: Description = "784,layer-norm,128:tanh,64".parse()?;
/// assert_eq!(net.layers.len(), 3);
/// assert_eq!(net.to_string(), "784,layer-norm,128:tanh,64");
/// # Ok::<(), autoencoder::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// The shape of what goes in.
    pub input: Shape,
    /// The layers, at least one.
    pub layers: Vec<Described>,
}

impl Description {
    /// Of layers of which each names its activation.
    pub fn of(input: Shape, layers: &[Layer]) -> Self {
        let described = |&layer: &Layer| Described {
            layer,
            has_activation: true,
        };
        Description {
            input,
            layers: layers.iter().map(described).collect(),
        }
    }
}

impl FromStr for Description {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut items = text.split(',');
        let input = items.next().unwrap_or_default().parse()?;
        let layers: Vec<Described> = items.map(str::parse).collect::<Result<_>>()?;
        if layers.is_empty() {
            return Err(Error::configuration(
                "a list of layers",
                format_args!("{text:?}"),
                "a shape and at least one layer, such as 784,32",
            ));
        }
        Ok(Description { input, layers })
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.has_activation {
            true => self.layer.fmt(f),
            false => f.write_str(&self.layer.kind().name()),
        }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.input.fmt(f)?;
        self.layers
            .iter()
            .try_for_each(|layer| write!(f, ",{layer}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::LayerNorm;

    #[test]
    fn texts_are_read_as_they_are_written() {
        for text in [
            "784,32",
            "784,128:relu,64:identity",
            "28x28x1,16:leaky_relu:0.2,8",
            "784,layer-norm,128,layer-norm:keras,64:elu:0.5,layer-norm:1e-6",
        ] {
            let description: Description = text.parse().unwrap();
            assert_eq!(description.to_string(), text);
        }
        let spaced: Description = " 784 , layer-norm:pytorch, 32 :relu ".parse().unwrap();
        assert_eq!(spaced.to_string(), "784,layer-norm,32:relu");
        assert_eq!(spaced.layers[0].layer, LayerNorm::PYTORCH.into());
        let of = Description::of(Shape::from(4), &[LayerNorm::KERAS.into()]);
        assert_eq!(of.to_string(), "4,layer-norm:keras");
    }

    #[test]
    fn what_is_no_description_is_an_error_that_says_why() {
        for (text, says) in [
            ("", "a shape"),
            ("784", "at least one layer"),
            ("-784,32", "\"-784\""),
            ("784,0", "the width of a layer is 0"),
            ("784,99999999999999999999", "the width of a layer"),
            ("784,32,", "a layer is \"\""),
            ("784,lstm", "a layer is \"lstm\", expected one such as 128"),
            ("784,32:rela", "rela"),
            ("784,layer-norm:0", "the ε of layer-norm is 0"),
            ("784,layer-norm:nan", "positive finite"),
            ("784,layer-norm:torch", "pytorch (1e-5), keras (1e-3)"),
            ("784,layer-norm:", "pytorch (1e-5), keras (1e-3)"),
        ] {
            let message = text.parse::<Description>().unwrap_err().to_string();
            assert!(message.contains(says), "{text}: {message}");
        }
    }
}
