//! Layers: what an encoder and a decoder are made of, a layer a file.
//!
//! | file | what | as text |
//! |---|---|---|
//! | `dense.rs` | [`Dense`]: `activation(x·W + b)` | `128`, `128:relu` |
//! | `layer_norm.rs` | [`LayerNorm`]: each sample to mean 0 and variance 1, scaled and shifted | `layer-norm`, `layer-norm:keras`, `layer-norm:1e-6` |
//! | `kind.rs` | [`LayerKind`]: what a layer can say of itself | |
//! | `parameter.rs` | [`ParameterSpec`]: an array of numbers that training changes | |
//! | `text.rs` | [`Description`]: layers as a text, for people, options and files | `784,layer-norm,128,64` |
//! | `graph.rs` | [`GraphWriter`]: nodes of a graph for other programs | |
//!
//! A layer has no numbers and knows nothing of its neighbours: it is told the shape of
//! what it reads. [`Architecture`](crate::model::Architecture) is two lists of layers.
//! Nothing outside of this folder asks which kind a layer is.
//!
//! To add one: a file with a type that is a [`LayerKind`], and its line in `layers!`
//! below. What it computes is a node of the [tape](crate::tape), with the kernels and
//! their reference.
//!
//! # Text
//! Items between commas. The first one is the shape of a sample: `784`, `28x28`,
//! `28x28x1`. Each other one is a layer: a name, what it wants to know, and behind a colon
//! what may be left out, such as an activation. A number alone is a dense layer.
//!
//! ```text
//! text  = shape "," layer { "," layer }
//! layer = word [ ":" option ]
//! word  = units | name [ argument ]          128, layer-norm; conv16k3s2, gru128 to come
//! ```

mod dense;
mod graph;
mod kind;
mod layer_norm;
mod parameter;
mod text;

use std::fmt;
use std::str::FromStr;

pub use dense::Dense;
pub use graph::{Attribute, GraphWriter};
pub use kind::{LayerKind, MirrorPlace, Recorded, Slot};
pub use layer_norm::LayerNorm;
pub use parameter::{Initial, ParameterSpec};
pub use text::{Described, Description};

use crate::error::{Error, Result};

/// The registry: the enum of all kinds, and how each is found by its text.
macro_rules! layers {
    ($($(#[$about:meta])* $kind:ident),+ $(,)?) => {
        /// A layer of an encoder or a decoder.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Layer {
            $($(#[$about])* $kind($kind),)+
        }

        impl Layer {
            /// What the layer says of itself.
            pub fn kind(&self) -> &dyn LayerKind {
                match self {
                    $(Layer::$kind(layer) => layer,)+
                }
            }
        }

        $(impl From<$kind> for Layer {
            fn from(layer: $kind) -> Self {
                Layer::$kind(layer)
            }
        })+

        /// By kind, what reads a text: `None` if it names another kind.
        const READERS: &[fn(&str) -> Option<Result<Described>>] = &[$($kind::read),+];
        /// By kind, an example of its text.
        const EXAMPLES: &[&str] = &[$($kind::EXAMPLE),+];
    };
}

layers! {
    /// `activation(x·W + b)`
    Dense,
    /// Each sample, or each position of one, to mean 0 and variance 1.
    LayerNorm,
}

/// As its text, such as `128:relu`.
impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        f.write_str(&kind.name())?;
        match kind.activation() {
            Some(activation) => write!(f, ":{activation}"),
            None => Ok(()),
        }
    }
}

/// One item of a text.
impl FromStr for Described {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let mut readers = READERS.iter();
        readers.find_map(|read| read(text)).unwrap_or_else(|| {
            let expected = format!("one such as {}", EXAMPLES.join(", "));
            Err(Error::configuration(
                "a layer",
                format_args!("{text:?}"),
                expected,
            ))
        })
    }
}
