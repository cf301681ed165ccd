//! Names of optimisers, to and from text.

use std::fmt;
use std::str::FromStr;

use super::{Convention, Optimizer};
use crate::error::Error;

impl Optimizer {
    /// Family and convention: what [`Optimizer::from_str`] reads, without the
    /// parameter. Keras' convention is the one without a suffix.
    pub const fn name(self) -> &'static str {
        use Convention::{Keras, Keras2, PyTorch};
        match (self, self.convention()) {
            (Optimizer::Sgd { nesterov, .. }, Keras) => pick(nesterov, "sgd-nesterov", "sgd"),
            (Optimizer::Sgd { nesterov, .. }, Keras2) => {
                pick(nesterov, "sgd-nesterov-keras2", "sgd-keras2")
            }
            (Optimizer::Sgd { nesterov, .. }, PyTorch) => {
                pick(nesterov, "sgd-nesterov-pytorch", "sgd-pytorch")
            }
            (Optimizer::Adam { .. }, Keras) => "adam",
            (Optimizer::Adam { .. }, Keras2) => "adam-keras2",
            (Optimizer::Adam { .. }, PyTorch) => "adam-pytorch",
            (Optimizer::AdamW { .. }, Keras) => "adamw",
            (Optimizer::AdamW { .. }, Keras2) => "adamw-keras2",
            (Optimizer::AdamW { .. }, PyTorch) => "adamw-pytorch",
            (Optimizer::Adadelta { .. }, Keras) => "adadelta",
            (Optimizer::Adadelta { .. }, Keras2) => "adadelta-keras2",
            (Optimizer::Adadelta { .. }, PyTorch) => "adadelta-pytorch",
            (Optimizer::RmsProp { centered, .. }, Keras) => {
                pick(centered, "rmsprop-centered", "rmsprop")
            }
            (Optimizer::RmsProp { centered, .. }, Keras2) => {
                pick(centered, "rmsprop-centered-keras2", "rmsprop-keras2")
            }
            (Optimizer::RmsProp { centered, .. }, PyTorch) => {
                pick(centered, "rmsprop-centered-pytorch", "rmsprop-pytorch")
            }
        }
    }

    /// The numbers that a name alone leaves to the framework.
    fn constants(&mut self) -> [Option<(&'static str, &mut f64)>; 3] {
        match self {
            Optimizer::Sgd { .. } => [None, None, None],
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
                ..
            }
            | Optimizer::AdamW {
                beta1,
                beta2,
                epsilon,
                ..
            } => [
                Some(("beta1", beta1)),
                Some(("beta2", beta2)),
                Some(("epsilon", epsilon)),
            ],
            Optimizer::Adadelta { rho, epsilon, .. } | Optimizer::RmsProp { rho, epsilon, .. } => {
                [Some(("rho", rho)), Some(("epsilon", epsilon)), None]
            }
        }
    }

    /// The number behind the colon, where the family has one: momentum of SGD
    /// and RMSprop, weight decay of AdamW.
    fn parameter(&mut self) -> Option<&mut f64> {
        match self {
            Optimizer::Sgd { momentum, .. } | Optimizer::RmsProp { momentum, .. } => Some(momentum),
            Optimizer::AdamW { weight_decay, .. } => Some(weight_decay),
            Optimizer::Adam { .. } | Optimizer::Adadelta { .. } => None,
        }
    }
}

const fn pick(first: bool, yes: &'static str, no: &'static str) -> &'static str {
    if first { yes } else { no }
}

/// The optimiser of a name without parameter. Nesterov's momentum is 0.9
/// unless the text says otherwise; without any it would be plain descent.
fn named(name: &str) -> Option<Optimizer> {
    let (family, convention) = match name.rsplit_once('-') {
        Some((family, "keras" | "keras3")) => (family, Convention::Keras),
        Some((family, "keras2")) => (family, Convention::Keras2),
        Some((family, "pytorch")) => (family, Convention::PyTorch),
        _ => (name, Convention::Keras),
    };
    let is_pytorch = convention == Convention::PyTorch;
    let mut optimizer = match family {
        "sgd" => Optimizer::sgd(),
        "sgd-nesterov" => Optimizer::nesterov(0.9),
        "adam" if is_pytorch => Optimizer::adam_pytorch(),
        "adam" => Optimizer::adam_keras(),
        "adamw" if is_pytorch => Optimizer::adamw_pytorch(),
        "adamw" => Optimizer::adamw_keras(),
        "adadelta" if is_pytorch => Optimizer::adadelta_pytorch(),
        "adadelta" => Optimizer::adadelta_keras3(),
        "rmsprop" | "rmsprop-centered" if is_pytorch => Optimizer::rmsprop_pytorch(),
        "rmsprop" | "rmsprop-centered" => Optimizer::rmsprop_keras(),
        _ => return None,
    };
    match &mut optimizer {
        Optimizer::Sgd { convention: c, .. }
        | Optimizer::Adam { convention: c, .. }
        | Optimizer::AdamW { convention: c, .. }
        | Optimizer::Adadelta { convention: c, .. } => *c = convention,
        Optimizer::RmsProp {
            convention: c,
            centered,
            ..
        } => {
            *c = convention;
            *centered = family == "rmsprop-centered";
        }
    }
    Some(optimizer)
}

impl fmt::Display for Optimizer {
    /// The name, and all numbers that are not those which the name alone stands
    /// for: what [`Optimizer::from_str`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let (mut given, mut usual) = (*self, named(self.name()).unwrap_or(*self));
        let mut separator = ':';
        if given.parameter() != usual.parameter()
            && let Some(number) = given.parameter()
        {
            write!(f, "{separator}{number}")?;
            separator = ',';
        }
        let pairs = given.constants().into_iter().zip(usual.constants());
        for (given, usual) in pairs {
            if given != usual
                && let Some((name, number)) = given
            {
                write!(f, "{separator}{name}={number}")?;
                separator = ',';
            }
        }
        Ok(())
    }
}

impl FromStr for Optimizer {
    type Err = Error;

    /// Reads an [`Optimizer::name`], and behind a colon, separated by commas, the
    /// momentum (sgd, rmsprop) or weight decay (adamw), and `beta1=`, `beta2=`,
    /// `rho=` and `epsilon=`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().to_ascii_lowercase();
        let (name, parameter) = match text.split_once(':') {
            Some((name, parameter)) => (name, Some(parameter)),
            None => (text.as_str(), None),
        };
        let unknown = || Error::UnknownName {
            kind: "optimizer",
            given: text.clone(),
            expected: "sgd, sgd-nesterov, adam, adamw, adadelta, rmsprop or rmsprop-centered; \
                       then -keras2 or -pytorch for their conventions; then :MOMENTUM for sgd \
                       and rmsprop or :DECAY for adamw (sgd:0.9, adam-pytorch, adamw:0.01); then beta1=, beta2=, \
                       rho= or epsilon= (adam:beta2=0.99,epsilon=1e-6)",
        };
        let mut optimizer = named(name).ok_or_else(unknown)?;
        for part in parameter.into_iter().flat_map(|text| text.split(',')) {
            let (slot, number) = match part.split_once('=') {
                Some((name, number)) => {
                    let mut constants = optimizer.constants().into_iter().flatten();
                    let constant = constants.find(|(constant, _)| *constant == name.trim());
                    (constant.map(|(_, slot)| slot), number)
                }
                None => (optimizer.parameter(), part),
            };
            let slot = slot.ok_or_else(unknown)?;
            *slot = number.trim().parse().map_err(|_| unknown())?;
        }
        optimizer.check()?;
        Ok(optimizer)
    }
}
