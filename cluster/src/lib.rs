//! The objects of a Calico datastore: their kinds as types, names, keys, labels and selectors, validation and defaults.
//!
//! Text is read into a [`document`], which knows the place of each value; a [`schema`] turns it into a type, or says
//! everything that is wrong with it. [`object`] has the kinds, [`ipam`] the values of address management, [`key`] where
//! each of them stands, [`selector`] the expressions that select objects by labels.
//!
//! ```
//! use margay_cluster::document::read_yaml;
//! use margay_cluster::object::AnyObject;
//! use margay_cluster::schema::UnknownFields;
//!
//! let text = "\
//! apiVersion: projectcalico.org/v3
//! kind: BGPPeer
//! metadata:
//!   name: rack-1
//! spec:
//!   peerIP: 192.0.2.300
//!   asNumbr: 64512
//! ";
//! let documents = read_yaml(text)?;
//! let problems = AnyObject::decode(&documents[0], UnknownFields::Refuse).unwrap_err();
//! assert_eq!(problems.0[0].position.unwrap().line, 6);
//! assert_eq!(problems.0[1].to_string(), "spec.asNumbr is not a known field: did you mean \"asNumber\"?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod document;
pub mod ipam;
pub mod key;
pub mod object;
pub mod schema;
pub mod selector;
pub mod value;
