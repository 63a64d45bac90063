//! Agreement through its public API: a virtual network with liars and crashes (`world`), scripted
//! attacks (a random adversary rarely finds them), the rules about locks one by one (`locks`), a
//! second engine beside the first (`differential`) and in every small run (`explore`), death at
//! every step (`crashes`), each way to lie (`liars`), limits filled to the brim, and golden bytes.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod explore;
#[cfg(test)]
mod fetching;
#[cfg(test)]
mod forge;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod liars;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod scenarios;
#[cfg(test)]
mod script;
#[cfg(test)]
mod world;
