# SPDX-License-Identifier: Apache-2.0
# Spends three quarters of its time in one method and a quarter in another, by its own clock, and many short calls in
# both.
class Tally
  def step(value)
    value * 3 % 1000
  end

  def hot(seconds)
    spend(seconds) { |sum, i| step(sum + i) }
  end

  def cold(seconds)
    spend(seconds) { |sum, i| step(sum - i) }
  end

  def spend(seconds)
    from = Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID)
    sum = 0
    while Process.clock_gettime(Process::CLOCK_THREAD_CPUTIME_ID) - from < seconds
      200.times { |i| sum = yield(sum, i) }
    end
  end
end

Thread.new { sleep }
$stdout.sync = true
puts "READY"
tally = Tally.new
loop do
  tally.hot(0.003)
  tally.cold(0.001)
end
