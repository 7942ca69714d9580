//! The shapes of held and wanted routes, each stored once.

use std::collections::HashMap;

use crate::{
    index::ShapeId,
    netlink::{RouteShape, RouteTarget},
};

/// See the [module](self). The owner of a number holds one reference.
#[derive(Default)]
pub(crate) struct RouteShapes {
    slots: Vec<Option<(RouteShape, u32)>>,
    free: Vec<ShapeId>,
    by_value: HashMap<RouteShape, ShapeId>,
    /// Number of shapes that refer to each next hop object.
    objects: HashMap<u32, u32>,
    /// Objects that no shape refers to any more.
    unused_objects: Vec<u32>,
}

impl RouteShapes {
    /// Returns the number of a shape, with one more reference.
    pub(crate) fn intern(&mut self, shape: RouteShape) -> ShapeId {
        if let Some(&id) = self.by_value.get(&shape) {
            self.retain(id);
            return id;
        }
        if let RouteTarget::Object(object) = shape.target {
            *self.objects.entry(object).or_default() += 1;
        }
        let slot = Some((shape.clone(), 1));
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id.index()] = slot;
                id
            }
            None => {
                self.slots.push(slot);
                ShapeId(u32::try_from(self.slots.len() - 1).expect("memory ends long before the numbers"))
            }
        };
        self.by_value.insert(shape, id);
        id
    }

    pub(crate) fn retain(&mut self, id: ShapeId) {
        if let Some((_, users)) = &mut self.slots[id.index()] {
            *users += 1;
        }
    }

    /// Gives a reference back.
    pub(crate) fn release(&mut self, id: ShapeId) {
        let Some((shape, users)) = &mut self.slots[id.index()] else { return };
        *users -= 1;
        if *users > 0 {
            return;
        }
        self.by_value.remove(shape);
        if let RouteTarget::Object(object) = shape.target
            && let Some(count) = self.objects.get_mut(&object)
        {
            *count -= 1;
            if *count == 0 {
                self.objects.remove(&object);
                self.unused_objects.push(object);
            }
        }
        self.slots[id.index()] = None;
        self.free.push(id);
    }

    pub(crate) fn get(&self, id: ShapeId) -> &RouteShape {
        let slot = self.slots[id.index()].as_ref();
        &slot.expect("the owner of a number holds a reference").0
    }

    /// The shapes in use with a property.
    pub(crate) fn find(&self, mut which: impl FnMut(&RouteShape) -> bool) -> Vec<ShapeId> {
        let slots = (0..).zip(&self.slots);
        let found = slots.filter(|(_, slot)| slot.as_ref().is_some_and(|(shape, _)| which(shape)));
        found.map(|(number, _)| ShapeId(number)).collect()
    }

    /// Whether any shape refers to the object.
    pub(crate) fn uses_object(&self, object: u32) -> bool {
        self.objects.contains_key(&object)
    }

    /// An object that lost its last reference since the last call; it may have another one by now.
    pub(crate) fn poll_unused_object(&mut self) -> Option<u32> {
        self.unused_objects.pop()
    }
}
