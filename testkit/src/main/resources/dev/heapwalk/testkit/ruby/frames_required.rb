# SPDX-License-Identifier: Apache-2.0
# Waits at the top level of a required file, and inside the bodies of classes that it defines.

top_level_local = "local of a required file"
Frames.note(binding)

module FramesRequired
  in_module = :in_module
  Frames.note(binding)
  class Body
    in_class = ["in", "class"]
    Frames.note(binding)
    class << self
      in_singleton = 4.5
      Frames.note(binding)
      Frames.wait_in_queue
    end
  end
end

top_level_local.size
