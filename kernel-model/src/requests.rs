//! Decoding and execution of the daemon's requests.

use margay_fib::{
    ENOENT, ESRCH, KernelRoute, ObjectNotice, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_NEWROUTE,
    Refusal, messages,
};

use crate::{Cause, KernelModel, Refused, routes::Place};

impl KernelModel {
    /// Executes a batch of requests in order, and returns the refusals.
    pub fn handle(&mut self, octets: &[u8]) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for message in messages(octets) {
            let (kind, flags, payload) = (message.message_type(), message.flags(), message.payload());
            if let Err((errno, words)) = self.handle_one(kind, flags, payload) {
                let explanation = (!words.is_empty()).then(|| words.to_owned());
                refusals.push(Refusal { sequence: message.sequence_number(), errno, explanation });
            }
        }
        refusals
    }

    fn handle_one(&mut self, kind: u16, flags: u16, payload: &[u8]) -> Result<(), Refused> {
        let (exclusive, creates) = (flags & NLM_F_EXCL != 0, flags & NLM_F_CREATE != 0);
        match kind {
            RTM_NEWROUTE => {
                let KernelRoute { prefix, table, shape } = KernelRoute::decode(payload).ok_or(UNREADABLE)?;
                let place = if exclusive { Place::Only } else { Place::Replacing };
                self.insert((table, prefix), shape, place, Cause::Daemon)
            }
            RTM_DELROUTE => {
                let KernelRoute { prefix, table, shape } = KernelRoute::decode(payload).ok_or(UNREADABLE)?;
                let is_meant = |held: &margay_fib::RouteShape| {
                    held.protocol == shape.protocol && held.metric == shape.metric
                };
                let removed = self.remove_first((table, prefix), is_meant, Cause::Daemon);
                if removed { Ok(()) } else { Err((ESRCH, "")) }
            }
            RTM_NEWNEXTHOP => {
                let object = ObjectNotice::decode(payload, false).ok_or(UNREADABLE)?;
                let content = object.content.ok_or(UNREADABLE)?;
                if !creates && !self.objects.contains_key(&object.object) {
                    return Err((ENOENT, "Replace specified without create and no entry exists"));
                }
                self.set_object((object.object, object.protocol), content, !exclusive, Cause::Daemon)
            }
            RTM_DELNEXTHOP => {
                let object = ObjectNotice::decode(payload, true).ok_or(UNREADABLE)?;
                if self.drop_object(object.object, Cause::Daemon) { Ok(()) } else { Err((ENOENT, "")) }
            }
            _ => Err((EOPNOTSUPP, "")),
        }
    }
}

const UNREADABLE: Refused = (22, "the message cannot be read");
const EOPNOTSUPP: i32 = 95;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
