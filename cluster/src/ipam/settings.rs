//! Settings of address management for the cluster.

use crate::object::Switch;
use crate::schema::record;

record! {
    /// Settings of address management.
    pub struct IpamSettings {
        /// Whether nodes take addresses from their own blocks only.
        "strict_affinity" => strict_affinity: bool,
        /// Whether nodes claim blocks when they need addresses.
        "auto_allocate_blocks" => auto_allocate_blocks: bool,
        /// The most blocks of a node; 0 for no limit.
        "maxBlocksPerHost" => max_blocks_per_host: u32 = 0,
        /// How long a released address rests, in seconds.
        "ipCooldownSeconds" => ip_cooldown_seconds: Option<u32>,
        /// Whether virtual machines keep their addresses.
        "kubeVirtVMAddressPersistence" => kubevirt_vm_address_persistence: Option<Switch>,
    }
}

impl Default for IpamSettings {
    /// What holds where nothing is stored.
    fn default() -> Self {
        Self {
            strict_affinity: false,
            auto_allocate_blocks: true,
            max_blocks_per_host: 0,
            ip_cooldown_seconds: None,
            kubevirt_vm_address_persistence: None,
        }
    }
}
