# SPDX-License-Identifier: Apache-2.0
# A thread that writes a number into all its cells, one after the other, then the next number, and so on, from READY on. So at
# each moment no two cells differ by more than 1, and none has more than one before it. Beside them there are objects that
# stay as they are, as many as the argument says.
#
#   number    prints the number that is being written
#   gap       prints the longest time between two cells since it was asked last, in seconds

require_relative "target"

class Cell
  DIGITS = 1000

  def initialize(index)
    @index = index
    @number = 0
    @text = "0" * DIGITS
    @list = Array.new(40, 0)
    @map = { number: 0 }
  end

  # In places that it has already.
  def write(number)
    @number = number
    @text[0, DIGITS] = number.to_s.rjust(DIGITS, "0")
    @list[20] = number
    @map[:number] = number
  end
end

CELLS = Array.new(500) { |i| Cell.new(i) }
KEPT = Array.new(Integer(ARGV.fetch(0, "1000"))) { |i| ["kept", "a text of number #{i} that is too long for its slot, however large that is " * 10, i] }
$number = 0
$gap = 0.0

def now
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

def write_for_ever
  before = now
  loop do
    $number += 1
    CELLS.each do |cell|
      cell.write($number)
      time = now
      $gap = time - before if time - before > $gap
      before = time
    end
  end
end

Target.command("number") { puts $number }
Target.command("gap") do
  puts $gap
  $gap = 0.0
end
Target.serve { Thread.new { write_for_ever }.abort_on_exception = true }
